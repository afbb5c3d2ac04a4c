/** The values that random rows and policies are drawn from: few, so that they meet, and hard: NULL, NUL, astral and unnormalized text. */
import type { Scalar } from "../../src/core/principal.ts"

export const texts = [
  "",
  "a",
  "b",
  "a\u0000",
  "a\u0000b",
  "a\u0000c",
  "\u0000",
  "\u00e9",
  "e\u0301",
  "\u07ff",
  "\ud7ff",
  "\ue000",
  "\ufffd",
  "\uffff",
  "😀",
  "𐀀",
  "5",
  "5.0",
  "true",
  "null",
  "Z",
]
export const doubles = [
  0,
  -0,
  0.1,
  0.3,
  0.30000000000000004,
  1.5,
  -1.5,
  5,
  1e300,
  1.7976931348623157e308,
  5e-324,
  -5e-324,
  2 ** 53,
  1e15,
  6.02214076e23,
  7661113222954456000,
  1.234567890123456e-7,
]
export const wholes = [0, 1, 2, 3, -1, 2147483647, -2147483648]
export const safes = [0, 1, 5, -5, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
export const longs = [
  "0",
  "5",
  "-1",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
]
export const instants = [
  "2026-11-20T10:00:00.000Z",
  "2026-11-20T09:59:59.999Z",
  "2027-01-01T00:00:00.000Z",
  "1999-12-31T23:59:59.999Z",
]
export const days = ["2026-11-19", "2026-11-20", "2026-11-21"]
export const states = ["draft", "open", "closed"]
export const users = ["user_ada", "user_bob", "user_eve"]
export const spaces = ["space_1", "space_2", "space_3", "space_none"]
export const folders = ["folder_1", "folder_2", "folder_3", "folder_4", "folder_none"]

/** The pool of each column; what a row may hold, beside NULL. */
export const pools: Record<string, Record<string, readonly Scalar[]>> = {
  spaces: { ownerId: users, level: wholes },
  folders: { spaceId: spaces, ownerId: users, name: texts, open: [true, false] },
  items: {
    folderId: folders,
    spaceId: spaces,
    ownerId: users,
    title: texts,
    status: states,
    price: doubles,
    rank: wholes,
    size: safes,
    big: longs,
    done: [true, false],
    dueAt: instants,
    day: days,
  },
}
/** What stands now and then where another kind belongs. */
export const everything: readonly Scalar[] = [
  ...texts,
  ...doubles,
  ...wholes,
  ...longs,
  true,
  false,
  "9223372036854775808",
  "\ud800",
  2.5,
]
