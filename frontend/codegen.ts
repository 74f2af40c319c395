import { existsSync, readdirSync } from "node:fs";

import type { CodegenConfig } from "@graphql-codegen/cli";

// One output per feature, so that a page loads only the operations of the features that it shows.
const features = readdirSync("src/features", { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(`src/features/${entry.name}/${entry.name}.graphql`))
  .map((entry) => entry.name);

const scalars = { ID: "string", Date: "string", DateTime: "string", Time: "string", JSONString: "string" };

const config: CodegenConfig = {
  schema: ["../schema.graphql", ...(existsSync("schema.pending.graphql") ? ["schema.pending.graphql"] : [])],
  silent: true,
  generates: Object.fromEntries(
    features.map((name) => [
      `src/gql/${name}.ts`,
      {
        documents: `src/features/${name}/${name}.graphql`,
        plugins: ["typescript-operations", "./scripts/documents-plugin.mjs"],
        config: { scalars, useTypeImports: true, skipTypename: true },
      },
    ]),
  ),
};

export default config;
