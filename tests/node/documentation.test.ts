/** The pages in docs/ show real lines: every line of an excerpt stands in the file that the excerpt names. */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, test } from "vitest"

const root = join(import.meta.dirname, "../..")
const pages = globSync("docs/*.md", { cwd: root })

interface Excerpt {
  readonly file: string
  readonly lines: readonly string[]
}

function excerptsOf(page: string): Excerpt[] {
  const text = readFileSync(join(root, page), "utf8")
  return [...text.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, file = "", code = ""]) => ({
    file,
    lines: code.split("\n").filter((line) => line.trim() !== ""),
  }))
}

describe.each(pages)("%s", (page) => {
  const excerpts = excerptsOf(page)

  test("names the file of each excerpt", () => {
    const blocks = readFileSync(join(root, page), "utf8").match(/^```ts$/gm) ?? []
    expect(excerpts.length).toBe(blocks.length)
    expect(excerpts.length).toBeGreaterThan(0)
  })

  test.each(excerpts)("shows lines of $file as they are", ({ file, lines }) => {
    const real = new Set(readFileSync(join(root, file), "utf8").split("\n"))
    expect(lines.filter((line) => !real.has(line))).toEqual([])
  })

  test("links to what exists", () => {
    const text = readFileSync(join(root, page), "utf8")
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to = ""]) => join(root, dirname(page), to))
    expect(links.filter((to) => !existsSync(to))).toEqual([])
  })
})

test("there are pages", () => expect(pages).toContain("docs/your-shape.md"))
