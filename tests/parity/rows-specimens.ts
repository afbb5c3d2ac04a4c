/** Rows: records with a column of every kind, made, read, changed and deleted, and what strangers may not. */
import { expect } from "vitest"
import { difficultText } from "./application.ts"
import { organizationId } from "./people.ts"
import type { Row } from "./table.ts"

/** An id of the moment. */
export const anyId = expect.any(String) as unknown as string
const moment = expect.stringMatching(/^2026-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/) as unknown as string

/** What every record has when it is new. */
export const stamps = { id: anyId, version: 1, createdAt: moment, updatedAt: moment }
const full = {
  organizationId,
  label: difficultText.trim(),
  note: null,
  count: -7,
  big: "9223372036854775807",
  ratio: 0.1,
  flag: true,
  day: "2026-02-28",
  mood: "in-between",
  blob: "AP+A",
}
const empty = { note: null, big: null, ratio: null, seenAt: null, day: null, mood: null, blob: null }

/** Rows in their order. */
export const specimenRows: readonly Row[] = [
  {
    name: "creates a record of every kind of column; an instant with an offset comes back in UTC",
    operation: "specimens.create",
    input: { ...full, seenAt: "2026-12-24T18:00:00.5+01:00" },
    value: { ...stamps, ...full, seenAt: "2026-12-24T17:00:00.500Z" },
    events: { "specimens created": 1 },
    keep: { specimen: "id" },
  },
  {
    name: "reads it",
    operation: "specimens.get",
    input: ({ specimen = "" }) => ({ id: specimen }),
    value: ({ specimen = "" }) => ({ ...stamps, ...full, id: specimen, seenAt: "2026-12-24T17:00:00.500Z" }),
  },
  {
    name: "creates one with what must be; the rest is null, or its default",
    operation: "specimens.create",
    input: { organizationId, label: "bare" },
    value: { ...stamps, ...empty, organizationId, label: "bare", count: 0, flag: false },
    events: { "specimens created": 1 },
    keep: { bare: "id" },
  },
  {
    name: "changes one field; the others stay",
    operation: "specimens.update",
    input: ({ specimen = "" }) => ({ id: specimen, patch: { count: 8 } }),
    value: { ...stamps, ...full, version: 2, count: 8, seenAt: "2026-12-24T17:00:00.500Z" },
    events: { "specimens updated": 1 },
  },
  {
    name: "changes fields to null, one to false and one to empty text",
    operation: "specimens.update",
    input: ({ specimen = "" }) => ({ id: specimen, patch: { seenAt: null, big: null, flag: false, note: "" } }),
    value: { ...stamps, ...full, version: 3, count: 8, seenAt: null, big: null, flag: false, note: "" },
    events: { "specimens updated": 1 },
  },
  {
    name: "with a version that is over nothing is changed",
    operation: "specimens.update",
    input: ({ specimen = "" }) => ({ id: specimen, patch: { count: 1 }, version: 1 }),
    code: "FAILED_PRECONDITION",
  },
  {
    name: "with the version of now it is changed",
    operation: "specimens.update",
    input: ({ specimen = "" }) => ({ id: specimen, patch: { count: 9 }, version: 3 }),
    value: { ...stamps, ...full, version: 4, count: 9, seenAt: null, big: null, flag: false, note: "" },
    events: { "specimens updated": 1 },
  },
  {
    name: "a label that is too long is a fault of the input",
    operation: "specimens.create",
    input: { organizationId, label: "x".repeat(501) },
    code: "INVALID_ARGUMENT",
    paths: ["/label"],
  },
  ...(["specimens.get", "specimens.delete"] as const).map(
    (operation): Row => ({
      name: `what a stranger may not see is not there: ${operation}`,
      actor: "stranger",
      operation,
      input: ({ specimen = "" }) => ({ id: specimen }),
      code: "NOT_FOUND",
    }),
  ),
  {
    name: "what a stranger may not see is not there: specimens.update",
    actor: "stranger",
    operation: "specimens.update",
    input: ({ specimen = "" }) => ({ id: specimen, patch: { count: 66 } }),
    code: "NOT_FOUND",
  },
  {
    name: "a stranger creates nothing in another organization",
    actor: "stranger",
    operation: "specimens.create",
    input: { organizationId, label: "slipped in" },
    code: "PERMISSION_DENIED",
  },
  {
    name: "a batch with every kind of change is one commit",
    operation: "specimens.batch",
    input: ({ bare = "" }) => ({
      records: [
        { op: "create", values: { organizationId, label: "of a batch", day: "2026-01-31" } },
        { op: "update", id: bare, patch: { mood: "2nd wind", note: null } },
      ],
    }),
    value: {
      records: [
        { ...stamps, ...empty, organizationId, label: "of a batch", count: 0, flag: false, day: "2026-01-31" },
        { ...stamps, ...empty, version: 2, organizationId, label: "bare", count: 0, flag: false, mood: "2nd wind" },
      ],
    },
    events: { "specimens created": 1, "specimens updated": 1 },
  },
  {
    name: "deletes it",
    operation: "specimens.delete",
    input: ({ specimen = "" }) => ({ id: specimen }),
    value: ({ specimen = "" }) => ({ id: specimen }),
    events: { "specimens deleted": 1 },
  },
  {
    name: "then it is gone",
    operation: "specimens.get",
    input: ({ specimen = "" }) => ({ id: specimen }),
    code: "NOT_FOUND",
  },
]
