import { defineConfig } from "vite";

// The developers' query page: a build and a folder of its own, so that the pages, their service worker and a
// production server know nothing of it. In debug the server hands the folder out under /graphiql/.
export default defineConfig({
  publicDir: false,
  base: "/graphiql/",
  build: {
    outDir: "dist-graphiql",
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      input: "graphiql.html",
      onwarn(warning, warn) {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
});
