import { fileURLToPath } from "node:url";

import { VantResolver } from "@vant/auto-import-resolver";
import vue from "@vitejs/plugin-vue";
import components from "unplugin-vue-components/vite";
import { VitePWA } from "vite-plugin-pwa";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL(".", import.meta.url));
const backend = process.env.YINONG_BACKEND ?? "http://127.0.0.1:8000";
const proxy = Object.fromEntries(
  ["/graphql", "/payments", "/statements", "/claims/", "/receipts/"].map((path) => [path, backend]),
);

export default defineConfig({
  resolve: { alias: { "@": `${root}src` } },
  define: { __VUE_OPTIONS_API__: "false", __VUE_I18N_LEGACY_API__: "false", __INTLIFY_PROD_DEVTOOLS__: "false" },
  plugins: [
    vue(),
    components({ dirs: [], dts: false, resolvers: [VantResolver()] }),
    VitePWA({
      registerType: "autoUpdate",
      injectRegister: "script-defer",
      manifest: {
        name: "益农 Yinong",
        short_name: "益农",
        description: "宜春乡村电商与物流",
        lang: "zh-Hans",
        display: "standalone",
        start_url: "/",
        theme_color: "#1c7c4a",
        background_color: "#f5f6f2",
        icons: [
          { src: "/icon.svg", sizes: "any", type: "image/svg+xml" },
          { src: "/icon-192.png", sizes: "192x192", type: "image/png" },
          { src: "/icon-512.png", sizes: "512x512", type: "image/png", purpose: "any maskable" },
        ],
      },
      workbox: {
        globPatterns: ["**/*.{js,css,html,svg,png}"],
        navigateFallback: "/index.html",
        navigateFallbackDenylist: [
          /^\/(graphql|graphiql|payments|admin|healthz|static|media|trace|statements|claims|receipts|plans\/[\w-]+\.)/,
        ],
      },
    }),
  ],
  build: {
    target: ["chrome80"],
    cssTarget: ["chrome80"],
    manifest: true,
  },
  server: { proxy },
  preview: { proxy },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    restoreMocks: true,
  },
});
