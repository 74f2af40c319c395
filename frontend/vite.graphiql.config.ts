import { defineConfig } from "vite";

// The developers' query page: its own build after the pages', so that neither the first page nor the service
// worker's list of files knows of it. The server hands it out at /graphiql in debug only.
export default defineConfig({
  publicDir: false,
  build: {
    emptyOutDir: false,
    assetsDir: "graphiql-assets",
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      input: "graphiql.html",
      onwarn(warning, warn) {
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
});
