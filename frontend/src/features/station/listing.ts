import type { ListLotMutationVariables } from "@/gql/product";
import { parseCount, parseJin, parseYuan } from "@/lib/format";

export interface ListingForm {
  farmerId: string;
  productId: string;
  amount: string;
  price: string;
  harvestedOn: string;
  shelfLifeDays: string;
  senderAgreement: boolean;
  certificate: { number: string; basis: string; issuedOn: string; contact: string; origin: string };
}

interface ListedProduct {
  id: string;
  unit: string;
  needsCertificate: boolean;
}

/** Grams for goods sold by weight (typed in 斤), else pieces. */
export function listedQuantity(form: ListingForm, unit: string): number | null {
  return unit === "g" ? parseJin(form.amount) : parseCount(form.amount);
}

/** Fen per kilogram for goods sold by weight (typed in yuan per 斤), else fen per piece. */
export function listedPriceFen(form: ListingForm, unit: string): number | null {
  const fen = parseYuan(form.price);
  return fen === null ? null : unit === "g" ? fen * 2 : fen;
}

/** The arguments of listLot, or the first field that cannot be read. */
export function readListing(
  form: ListingForm,
  product: ListedProduct | undefined,
  stationId: string,
): { args: ListLotMutationVariables } | { wrong: keyof ListingForm } {
  if (!form.farmerId) return { wrong: "farmerId" };
  if (!product) return { wrong: "productId" };
  const quantity = listedQuantity(form, product.unit);
  if (!quantity) return { wrong: "amount" };
  const priceFen = listedPriceFen(form, product.unit);
  if (!priceFen) return { wrong: "price" };
  if (!form.harvestedOn) return { wrong: "harvestedOn" };
  const shelfLifeDays = form.shelfLifeDays ? parseCount(form.shelfLifeDays) : null;
  if (form.shelfLifeDays && shelfLifeDays === null) return { wrong: "shelfLifeDays" };
  const { number, ...certificate } = form.certificate;
  return {
    args: {
      productId: product.id,
      farmerId: form.farmerId,
      stationId,
      quantity,
      priceFen,
      harvestedOn: form.harvestedOn,
      shelfLifeDays,
      senderAgreement: form.senderAgreement,
      certificate: product.needsCertificate ? { ...certificate, number: number || null } : null,
    },
  };
}
