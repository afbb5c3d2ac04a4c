/**
 * The documentation page: Scalar from a static asset over /openapi.json, with everything switched off that would ask another origin. No
 * inline script: the page runs two files of its own origin and nothing else.
 */
import { escapeHtml, scriptPagePolicy } from "../../core/html.ts"
import { securityHeaders } from "../../core/security-headers.ts"

/** Where the house puts Scalar's bundle (scripts/assets.ts). */
export const scalarPath = "/_docs/scalar.js"

/** The script that starts it, served from here. */
export const startPath = "/docs/start.js"

const policy = scriptPagePolicy()

const configuration = {
  url: "/openapi.json",
  telemetry: false,
  withDefaultFonts: false,
  proxyUrl: "",
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  defaultOpenAllTags: false,
  authentication: { preferredSecurityScheme: "bearer" },
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
}

const start = `Scalar.createApiReference("#reference", ${JSON.stringify(configuration)})\n`

function page(title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
</head>
<body>
<div id="reference"></div>
<noscript>The same in a file: <a href="/openapi.json">openapi.json</a></noscript>
<script src="${scalarPath}"></script>
<script src="${startPath}"></script>
</body>
</html>
`
}

function answer(type: string, text: string): Response {
  const headers = {
    ...securityHeaders,
    "Content-Security-Policy": policy,
    "Content-Type": type,
    "Cache-Control": "no-cache",
  }
  return new Response(text, { headers })
}

/** `/docs`. */
export function docsAnswer(title: string): Response {
  return answer("text/html; charset=utf-8", page(title))
}

/** `/docs/start.js`. */
export function startAnswer(): Response {
  return answer("text/javascript; charset=utf-8", start)
}
