/**
 * GraphiQL at `/graphql`, for a browser, in development: from static assets of this origin (scripts/graphiql.ts makes them), so that nobody else is
 * asked. No inline script: the page runs files of its own origin and nothing else.
 */
import { escapeHtml, scriptPagePolicy } from "../../core/html.ts"
import { securityHeaders } from "../../core/security-headers.ts"

const policy = scriptPagePolicy("worker-src 'self'")

/** What stands in the editor of whoever comes for the first time. */
const firstQuery = `# Headers: {"Authorization": "Bearer …"}
# Signed in on this host? Then none are needed.
{
  __typename
}
`

const page = (title: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}: GraphQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/_docs/graphiql.css">
<style>body { margin: 0 } #graphiql { height: 100dvh }</style>
</head>
<body>
<div id="graphiql"></div>
<template id="query">${escapeHtml(firstQuery)}</template>
<noscript>GraphiQL is a script. The interface as a document: <a href="/docs">/docs</a></noscript>
<script src="/_docs/graphiql.js"></script>
</body>
</html>
`

/** Whether a browser asks for a page. */
export function isForPage({ method, headers }: Request): boolean {
  return method === "GET" && /(^|[,\s])text\/html\b/i.test(headers.get("accept") ?? "")
}

/** The page. */
export function pageAnswer(title: string): Response {
  return new Response(page(title), {
    headers: {
      ...securityHeaders,
      "Content-Security-Policy": policy,
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-cache",
      Vary: "Accept",
    },
  })
}
