import { readdirSync } from "node:fs";

import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import vue from "eslint-plugin-vue";
import globals from "globals";
import ts from "typescript-eslint";
import vueParser from "vue-eslint-parser";

/* Direction: app -> surfaces -> features -> ui -> lib. Features never import each other, nor do surfaces. */
function forbid(files, patterns, message) {
  return {
    files,
    rules: { "no-restricted-imports": ["error", { patterns: [{ regex: patterns, message }] }] },
  };
}

function siblings(layer) {
  return readdirSync(`src/${layer}`).map((name) =>
    forbid(
      [`src/${layer}/${name}/**`],
      `^(@/(app|${layer === "features" ? "surfaces" : "app"})/|@/${layer}/(?!${name}/)|\\.\\./(?!lib|ui|gql))`,
      `${layer} do not import each other nor what stands above them`,
    ),
  );
}

export default ts.config(
  { ignores: ["dist/**", "dist-graphiql/**", "src/gql/**", "node_modules/**"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...vue.configs["flat/recommended"],
  {
    files: ["**/*.{ts,tsx,vue}"],
    languageOptions: {
      parser: vueParser,
      parserOptions: { parser: ts.parser, extraFileExtensions: [".vue"] },
      globals: globals.browser,
    },
    rules: {
      "no-undef": "off",
      "no-console": ["error", { allow: ["warn", "error"] }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "vue/multi-word-component-names": "off",
      "vue/require-default-prop": "off",
      "vue/block-lang": ["error", { script: { lang: "ts" } }],
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ["**/*.{js,mjs}", "*.config.ts"], languageOptions: { globals: globals.node } },
  { files: ["tests/**"], rules: { "max-lines-per-function": "off" } },
  forbid(["src/lib/**"], "^@/(app|surfaces|features|ui)/", "lib stands at the bottom"),
  forbid(["src/ui/**"], "^@/(app|surfaces|features|gql)/", "ui knows no feature"),
  ...siblings("features"),
  ...siblings("surfaces"),
  prettier,
);
