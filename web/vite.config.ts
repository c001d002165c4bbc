import react from "@vitejs/plugin-react"
import { defineConfig } from "vitest/config"

// `npm run dev` serves the page with a running Trapline behind it.
const server = "http://127.0.0.1:8000"

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/trapline/server/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: "es2022",
  },
  server: {
    proxy: { "/api": server, "/files": server, "/image-pull-sources": server, "/pipeline": server },
  },
  test: { include: ["src/**/*.test.ts"], pool: "threads", isolate: false, maxWorkers: 2 },
})
