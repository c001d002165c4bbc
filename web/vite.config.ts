import react from "@vitejs/plugin-react"
import { loadEnv } from "vite"
import { defineConfig } from "vitest/config"
import { LANGUAGES, parseLanguage, selectLanguage } from "./languages.ts"

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
  const settings = loadEnv(mode, ".", ["SERVER_", "PAGE_"])
  const port = settings.SERVER_PORT || "8000"
  const server = `http://127.0.0.1:${port}`
  const language = parseLanguage(settings.PAGE_LANGUAGE)
  return {
    plugins: [selectLanguage(language), react()],
    build: {
      outDir: "../src/trapline/server/page",
      // The builds of all languages are in one folder; the first removes the files before it.
      emptyOutDir: language === LANGUAGES[0],
      assetsInlineLimit: 0,
      // The wheel contains the licences of the libraries that the page contains.
      license: { fileName: "licenses.md" },
      target: "es2022",
    },
    server: {
      host: "127.0.0.1",
      proxy: Object.fromEntries(serverPaths.map((path) => [path, server])),
    },
    test: { include: ["src/**/*.test.ts"], pool: "threads", isolate: false, maxWorkers: 2 },
  }
})
