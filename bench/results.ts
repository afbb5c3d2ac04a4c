/** RESULTS.md: a section of the first level for each bench that keeps its figures, written over when it runs again. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const path = join(import.meta.dirname, "RESULTS.md")

/** Writes a section in its place, or at the end when it is new. Other sections stay as they are. */
export function keepSection(title: string, text: string): void {
  const present = existsSync(path) ? readFileSync(path, "utf8").split(/^(?=# )/m) : []
  const section = `# ${title}\n\n${text.trim()}\n`
  const place = present.findIndex((one) => one.startsWith(`# ${title}\n`))
  const sections = place === -1 ? [...present, section] : present.with(place, section)
  writeFileSync(path, sections.map((one) => `${one.trim()}\n`).join("\n"))
}
