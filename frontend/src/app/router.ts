import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";

import { hasRole, person } from "@/lib/session";

import { loadTexts } from "@/lib/i18n";

declare module "vue-router" {
  interface RouteMeta {
    /** Texts of this surface; "common" is always there. */
    texts?: string[];
    /** Any of these roles; an empty list means any signed-in person. Without it the page is public. */
    roles?: string[];
  }
}

const buyer = { texts: ["buyer"] };
const signedIn = { texts: ["buyer"], roles: [] };
const station = { texts: ["station", "hub"], roles: ["information_officer"] };
const courier = { texts: ["courier"], roles: ["courier"] };
const money = { texts: ["money"], roles: ["farmer", "information_officer", "courier"] };
const hub = { texts: ["hub"], roles: ["hub_operator"] };
const dispatch = { texts: ["dispatch", "courier"], roles: ["dispatcher"] };
const cabinet = { texts: ["cabinet"], roles: ["cabinet_operator"] };

const siting = { texts: ["cabinet"], roles: ["county_reviewer", "cabinet_operator"] };

const routes: RouteRecordRaw[] = [
  { path: "/", name: "shop", component: () => import("@/surfaces/buyer/ShopPage.vue"), meta: buyer },
  { path: "/lots/:id", component: () => import("@/surfaces/buyer/LotPage.vue"), props: true, meta: buyer },
  { path: "/cart", component: () => import("@/surfaces/buyer/CartPage.vue"), meta: signedIn },
  { path: "/checkout", component: () => import("@/surfaces/buyer/CheckoutPage.vue"), meta: signedIn },
  { path: "/pay/return", component: () => import("@/surfaces/buyer/PayReturnPage.vue"), meta: signedIn },
  { path: "/pay/browser", component: () => import("@/surfaces/buyer/PayElsewherePage.vue"), meta: signedIn },
  { path: "/orders", component: () => import("@/surfaces/buyer/OrdersPage.vue"), meta: signedIn },
  { path: "/parcels", component: () => import("@/surfaces/buyer/FriendsParcelsPage.vue"), meta: signedIn },
  {
    path: "/orders/:id",
    component: () => import("@/surfaces/buyer/OrderPage.vue"),
    props: true,
    meta: { texts: ["buyer", "aftersale"], roles: [] },
  },
  { path: "/me", component: () => import("@/surfaces/account/MePage.vue"), meta: { texts: ["account"], roles: [] } },
  {
    path: "/me/consents",
    component: () => import("@/surfaces/account/ConsentsPage.vue"),
    meta: { texts: ["account"], roles: [] },
  },
  {
    path: "/me/notices",
    component: () => import("@/surfaces/account/NoticesPage.vue"),
    meta: { texts: ["account"], roles: [] },
  },
  { path: "/sign-in", component: () => import("@/surfaces/account/SignInPage.vue"), meta: { texts: ["account"] } },
  {
    path: "/sync",
    component: () => import("@/surfaces/account/SyncPage.vue"),
    meta: { texts: ["account"], roles: [] },
  },

  { path: "/station", component: () => import("@/surfaces/station/BoardPage.vue"), meta: station },
  { path: "/station/sell", component: () => import("@/surfaces/station/SellPage.vue"), meta: station },
  { path: "/station/lots", component: () => import("@/surfaces/station/LotsPage.vue"), meta: station },
  { path: "/station/import", component: () => import("@/surfaces/station/ImportPage.vue"), meta: station },
  {
    path: "/station/short/:lotId",
    component: () => import("@/surfaces/station/ShortPage.vue"),
    props: true,
    meta: station,
  },
  { path: "/station/till", component: () => import("@/surfaces/station/TillPage.vue"), meta: station },
  { path: "/station/shelves", component: () => import("@/surfaces/station/ShelvesPage.vue"), meta: station },
  { path: "/station/buy", component: () => import("@/surfaces/station/BuyPage.vue"), meta: station },
  { path: "/station/pack", component: () => import("@/surfaces/station/PackPage.vue"), meta: station },
  { path: "/station/people", component: () => import("@/surfaces/station/PeoplePage.vue"), meta: station },
  {
    path: "/station/weigh/:lotId",
    component: () => import("@/surfaces/station/WeighPage.vue"),
    props: true,
    meta: station,
  },
  {
    path: "/station/hand-out/:unitId",
    component: () => import("@/surfaces/station/HandOutPage.vue"),
    props: true,
    meta: station,
  },

  { path: "/courier", component: () => import("@/surfaces/courier/RoutesPage.vue"), meta: courier },
  {
    path: "/courier/routes/:id",
    component: () => import("@/surfaces/courier/RoutePage.vue"),
    props: true,
    meta: courier,
  },
  {
    path: "/courier/routes/:id/stops/:stopId",
    component: () => import("@/surfaces/courier/StopPage.vue"),
    props: true,
    meta: courier,
  },

  { path: "/money/:kind?/:id?", component: () => import("@/surfaces/money/MoneyPage.vue"), props: true, meta: money },
  { path: "/claims", component: () => import("@/surfaces/money/ClaimsPage.vue"), meta: money },
  {
    path: "/returns",
    component: () => import("@/surfaces/money/ReturnsPage.vue"),
    meta: { texts: ["aftersale"], roles: ["information_officer", "courier", "platform"] },
  },
  {
    path: "/invoices",
    component: () => import("@/surfaces/money/InvoicesPage.vue"),
    meta: { texts: ["aftersale"], roles: ["farmer", "information_officer", "platform"] },
  },
  {
    path: "/books",
    component: () => import("@/surfaces/money/BooksPage.vue"),
    meta: { texts: ["money"], roles: ["platform"] },
  },
  { path: "/fees", component: () => import("@/surfaces/money/FeesPage.vue"), meta: { texts: ["money"] } },
  { path: "/hub", component: () => import("@/surfaces/hub/HubPage.vue"), meta: hub },
  { path: "/dispatch", component: () => import("@/surfaces/dispatch/PlansPage.vue"), meta: dispatch },
  { path: "/dispatch/waybills", component: () => import("@/surfaces/dispatch/WaybillsPage.vue"), meta: dispatch },
  { path: "/dispatch/roads", component: () => import("@/surfaces/dispatch/RoadsPage.vue"), meta: dispatch },
  {
    path: "/dispatch/plans/:id",
    component: () => import("@/surfaces/dispatch/PlanPage.vue"),
    props: true,
    meta: dispatch,
  },
  { path: "/cabinets", component: () => import("@/surfaces/cabinet/CabinetsPage.vue"), meta: cabinet },
  { path: "/cabinets/import", component: () => import("@/surfaces/cabinet/ImportSitesPage.vue"), meta: cabinet },
  { path: "/cabinets/devices", component: () => import("@/surfaces/cabinet/DevicesPage.vue"), meta: cabinet },
  { path: "/cabinets/rules", component: () => import("@/surfaces/cabinet/RulesPage.vue"), meta: cabinet },
  { path: "/siting", component: () => import("@/surfaces/cabinet/SitingPage.vue"), meta: siting },
  { path: "/cabinets/breaches", component: () => import("@/surfaces/cabinet/BreachesPage.vue"), meta: cabinet },
  { path: "/cabinets/fleet", component: () => import("@/surfaces/cabinet/FleetPage.vue"), meta: cabinet },
  { path: "/cabinets/tasks", component: () => import("@/surfaces/cabinet/TasksPage.vue"), meta: cabinet },
  { path: "/cabinets/use", component: () => import("@/surfaces/cabinet/UsePage.vue"), meta: cabinet },
  {
    path: "/cabinets/:id/desk",
    component: () => import("@/surfaces/cabinet/DeskPage.vue"),
    props: true,
    meta: cabinet,
  },
  { path: "/cabinets/:id", component: () => import("@/surfaces/cabinet/CabinetPage.vue"), props: true, meta: cabinet },
  { path: "/tester", component: () => import("@/surfaces/tester/TesterPage.vue"), meta: { texts: ["tester"] } },

  { path: "/no-right", component: () => import("@/surfaces/account/NoRightPage.vue"), meta: { texts: ["account"] } },
  { path: "/:rest(.*)*", component: () => import("@/surfaces/account/NotFoundPage.vue"), meta: { texts: ["account"] } },
];

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

router.beforeEach(async (to) => {
  await loadTexts(...(to.meta.texts ?? []));
  const roles = to.meta.roles;
  if (!roles) return true;
  if (!person.value) return { path: "/sign-in", query: { next: to.fullPath } };
  if (roles.length && !hasRole(...roles)) return { path: "/no-right" };
  return true;
});
