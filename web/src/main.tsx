import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query"
import { StrictMode } from "react"
import { createRoot } from "react-dom/client"
import { ApiProblem, isSessionOver } from "./api/problems"
import { Routes } from "./app/routes"
import { ErrorBoundary } from "./errors/ErrorBoundary"
import { Toasts } from "./ui/Toasts"
import { applyTheme } from "./ui/theme"
// The stylesheets of the first screens, in cascade order: touch.css overrides the others.
import "./ui/tokens.css"
import "./ui/elements.css"
import "./app/shell.css"
import "./ui/patterns.css"
import "./catalogue/filters.css"
import "./catalogue/grid.css"
import "./images/images.css"
import "./queue/jobs.css"
import "./ui/touch.css"
import { callerQuery } from "./api/session"
import { showProblem } from "./errors/showProblem"

applyTheme()

/** If the session has ended, fetch the signed-in user again, which shows the sign-in screen. */
function signedOut(error: unknown): void {
  if (isSessionOver(error) && client.getQueryData(callerQuery.queryKey)) {
    void client.resetQueries({ queryKey: callerQuery.queryKey })
  }
}

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: signedOut }),
  mutationCache: new MutationCache({
    onError: (error, _variables, _context, mutation) => {
      signedOut(error)
      if (!mutation.meta?.saysItself) showProblem(error)
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) =>
        count < 2 && !(error instanceof ApiProblem && error.status >= 400 && error.status < 500),
    },
  },
})

const root = document.getElementById("page")
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <ErrorBoundary>
          <Routes />
        </ErrorBoundary>
        <Toasts />
      </QueryClientProvider>
    </StrictMode>,
  )
}
