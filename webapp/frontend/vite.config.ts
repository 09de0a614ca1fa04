// How the Mini App is built: one origin, relative addresses, texts shared with the bots.
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // Relative, so that the page works under any path of the webapp.
  base: "./",
  plugins: [react(), tailwindcss()],
  resolve: {
    alias: {
      "@": here("./src"),
      "@locales": here("../../casino/locales"),
    },
  },
  build: {
    target: "es2022",
    outDir: here("../static"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: {
    host: "127.0.0.1",
    fs: { allow: [here("."), here("../../casino/locales")] },
    proxy: {
      "/api": process.env["API_ORIGIN"] ?? "http://127.0.0.1:8080",
      "/ws": { target: process.env["API_ORIGIN"] ?? "http://127.0.0.1:8080", ws: true },
    },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
