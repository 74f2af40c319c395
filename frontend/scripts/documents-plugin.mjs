// A codegen plugin: each operation becomes one typed string, so no GraphQL parser is shipped to the phone.
import { Kind, concatAST, print, stripIgnoredCharacters, visit } from "graphql";

const NAMES = { query: "Query", mutation: "Mutation", subscription: "Subscription" };

function fragmentsUsed(operation, fragments) {
  const used = new Map();
  const collect = (node) =>
    visit(node, {
      FragmentSpread(spread) {
        const name = spread.name.value;
        if (used.has(name)) return;
        const fragment = fragments.get(name);
        if (!fragment) throw new Error(`fragment ${name} is not in this feature's .graphql file`);
        used.set(name, fragment);
        collect(fragment);
      },
    });
  collect(operation);
  return [...used.values()];
}

export function plugin(_schema, documents) {
  const { definitions } = concatAST(documents.map((file) => file.document));
  const fragments = new Map(
    definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION).map((node) => [node.name.value, node]),
  );
  const lines = definitions
    .filter((node) => node.kind === Kind.OPERATION_DEFINITION)
    .map((operation) => {
      const name = operation.name.value;
      const type = `${name}${NAMES[operation.operation]}`;
      const text = [operation, ...fragmentsUsed(operation, fragments)].map(print).join("\n");
      const body = JSON.stringify(stripIgnoredCharacters(text));
      return `export const ${name}Document = ${body} as Document<${type}, ${type}Variables>;`;
    });
  return { prepend: ['import type { Document } from "@/lib/client";'], content: lines.join("\n") };
}
