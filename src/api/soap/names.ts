/** What operations and types are called in SOAP. */

/** Namespace of the messages and types of an application's first version. */
export const typesNamespace = "urn:selvage:v1"

const pascal = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** The element of an operation's call: `project_members.list` -> `ProjectMembersList`. */
export function elementName(operation: string): string {
  return operation
    .split(/[._]/)
    .map((part) => pascal(part))
    .join("")
}

/** A shape's name as an NCName: names of unnamed shapes are made of where they stand, with spaces and dots. */
export function ncName(name: string): string {
  return name
    .split(/[^A-Za-z0-9_]+/)
    .filter((part) => part !== "")
    .map(pascal)
    .join("")
}
