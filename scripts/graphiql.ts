/**
 * Bundles GraphiQL, whose package has no build that a page could load: the page's script, its styles, and the workers of its editor, each one file. For
 * `/graphql` in development; nothing of it is in the Worker. Runs after every install.
 */
import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, extname, join } from "node:path"
import { build, type Plugin } from "rolldown"
import { root } from "./local.ts"

/** The page's script. A token stands in the editor of headers, or the session's cookie is enough. */
const page = `
import { createGraphiQLFetcher } from "@graphiql/toolkit"
import { GraphiQL } from "graphiql"
import "graphiql/style.css"
import { createElement } from "react"
import { createRoot } from "react-dom/client"

const workers = new Set(["graphql", "json"])
globalThis.MonacoEnvironment = {
  getWorker: (_, label) => new Worker("/_docs/graphiql-" + (workers.has(label) ? label : "editor") + ".js"),
}
const url = new URL("/graphql", location.href)
const subscriptionUrl = url.href.replace("http", "ws")
const fetcher = createGraphiQLFetcher({ url: url.href, subscriptionUrl })
const defaultQuery = document.querySelector("#query").content.textContent
createRoot(document.querySelector("#graphiql")).render(
  createElement(GraphiQL, { fetcher, defaultQuery, defaultEditorToolsVisibility: "headers" }),
)
`

const entries: Readonly<Record<string, string>> = {
  graphiql: page,
  "graphiql-editor": 'import "monaco-editor/esm/vs/editor/editor.worker.js"',
  "graphiql-graphql": 'import "monaco-graphql/esm/graphql.worker.js"',
  "graphiql-json": 'import "monaco-editor/esm/vs/language/json/json.worker.js"',
}

const fonts: Readonly<Record<string, string>> = { ".ttf": "font/ttf", ".woff2": "font/woff2" }

/** Styles with the fonts that they name inside. */
function inlined(path: string): string {
  return readFileSync(path, "utf8").replace(/url\((['"]?)(\.[^'")]+)\1\)/g, (whole, _, file: string) => {
    const type = fonts[extname(file)]
    if (type === undefined) return whole
    return `url(data:${type};base64,${readFileSync(join(dirname(path), file)).toString("base64")})`
  })
}

/** An entry from its text; styles are taken out of the modules that import them. */
function plugin(text: string, styles: Set<string>): Plugin {
  return {
    name: "graphiql",
    resolveId: (id) => (id === "entry" ? join(root, "entry.js") : null),
    load(id) {
      if (id === join(root, "entry.js")) return text
      if (!id.endsWith(".css")) return null
      styles.add(inlined(id))
      return { code: "", moduleType: "js" }
    },
  }
}

/** What the files are made from, as a line at the head of the styles: the packages' versions and the entries. */
function stampOf(): string {
  const versions = ["graphiql", "@graphiql/react", "monaco-editor", "react", "graphql", "rolldown"].map((name) => {
    const { version } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"))
    return `${name} ${version}`
  })
  const hash = createHash("sha256").update(JSON.stringify(entries)).digest("hex").slice(0, 12)
  return `/* ${versions.join(", ")}, entries ${hash} */`
}

/**
 * Writes GraphiQL's files into a folder, when they are missing there or made from something else.
 * @throws Error when it does not bundle
 */
export async function placeGraphiql(folder: string): Promise<void> {
  const stamp = stampOf()
  const target = join(folder, "graphiql.css")
  if (existsSync(target) && readFileSync(target, "utf8").startsWith(stamp)) return
  const styles = new Set<string>()
  for (const [name, text] of Object.entries(entries)) {
    const { output } = await build({
      input: "entry",
      cwd: root,
      write: false,
      platform: "browser",
      plugins: [plugin(text, styles)],
      transform: { define: { "process.env.NODE_ENV": '"production"' } },
      output: { format: "iife", minify: true, codeSplitting: false },
      // Directives of frameworks that render on servers mean nothing here.
      onLog: (level, log, handle) => {
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handle(level, log)
      },
    })
    writeFileSync(join(folder, `${name}.js`), output[0].code)
  }
  // Last: what was cut short is made again.
  writeFileSync(target, [stamp, ...styles].join("\n"))
}

if (import.meta.main) await placeGraphiql(join(root, "assets/_docs"))
