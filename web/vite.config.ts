import react from "@vitejs/plugin-react"
import { loadEnv } from "vite"
import { defineConfig } from "vitest/config"

// The first segments of the server's paths, as in src/trapline/server/app/http/spa.py.
const serverPaths = [
  "/api",
  "/files",
  "/healthz",
  "/image-pull-sources",
  "/metrics",
  "/pipeline",
  "/readyz",
]

export default defineConfig(({ mode }) => {
  // `make dev` sets SERVER_PORT to the port of the server that it starts.
  const port = loadEnv(mode, ".", "SERVER_").SERVER_PORT || "8000"
  const server = `http://127.0.0.1:${port}`
  return {
    plugins: [react()],
    build: {
      outDir: "../src/trapline/server/page",
      emptyOutDir: true,
      assetsInlineLimit: 0,
      target: "es2022",
    },
    server: {
      host: "127.0.0.1",
      proxy: Object.fromEntries(serverPaths.map((path) => [path, server])),
    },
    test: { include: ["src/**/*.test.ts"], pool: "threads", isolate: false, maxWorkers: 2 },
  }
})
