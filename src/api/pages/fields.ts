/** What forms are made of: fields, and a page with one form as data. */
import type { JsonObject } from "../../core/json.ts"

/** Something that is typed. Its name is the property of the operation's input. */
export interface Field {
  readonly name: "email" | "name" | "password" | "currentPassword" | "code" | "recoveryCode"
  readonly label: string
  readonly type: "email" | "text" | "password"
  /** WHATWG autofill: which value the browser or a password manager may put in. */
  readonly autocomplete: string
  /** The keyboard that a telephone shows. */
  readonly inputmode?: "numeric"
  readonly hint?: string
  /** Said when nothing was typed, and when it is not what belongs there. */
  readonly empty: string
  readonly wrong: string
}

/** A page with one form. */
export interface Entry {
  /** Below /account. */
  readonly path: string
  readonly title: string
  readonly lead: string | null
  readonly operation: string
  readonly fields: readonly Field[]
  /** True where a letter leads here: its token goes with the form, and nothing happens before the button is pressed. */
  readonly token: boolean
  /** True where only somebody who is signed in can do it. */
  readonly session: boolean
  /** What the operation is given beside the fields. */
  readonly given: JsonObject
  readonly button: string
  /** A way that stands beside the form as its equal, as title and address. */
  readonly aside?: readonly [string, string]
  /** Other ways, as title and address. */
  readonly links: readonly (readonly [string, string])[]
  /** Where a letter is asked for again; null where none leads here. */
  readonly again: readonly [string, string] | null
  /** Where to go when it is done. */
  next(output: JsonObject): string
}

/** The address that one signs in with. */
export const email: Field = {
  name: "email",
  label: "E-mail address",
  type: "email",
  autocomplete: "username",
  empty: "Enter your e-mail address.",
  wrong: "This is not an e-mail address. One looks like ada@example.com.",
}

/** The password that one has. */
export const password: Field = {
  name: "password",
  label: "Password",
  type: "password",
  autocomplete: "current-password",
  empty: "Enter your password.",
  wrong: "A password has at most 256 characters.",
}

/** The session goes into cookies. */
export const cookie = { transport: "cookie" } as const
export const signInLink = ["Sign in", "/account/sign-in"] as const
export const signUpLink = ["Make an account", "/account/sign-up"] as const
// Ways beside the form.
export const codeLink = ["Use the code of an app", "/account/second-factor"] as const
export const recoveryLink = ["Use a recovery code", "/account/recovery-code"] as const
export const againLink = ["Begin again", "/account/sign-in"] as const
export const mailLink = ["Sign in with a link by mail", "/account/sign-in-link"] as const

/** What most entries have not. */
export const plain = {
  lead: null,
  fields: [],
  token: false,
  session: false,
  given: {},
  links: [],
  again: null,
} as const

/** What an authenticator app shows. */
export const code: Field = {
  name: "code",
  label: "Code",
  type: "text",
  autocomplete: "one-time-code",
  inputmode: "numeric",
  empty: "Enter the code that the app shows.",
  wrong: "A code has six digits.",
}

/** One of the ten. */
export const recoveryCode: Field = {
  name: "recoveryCode",
  label: "Recovery code",
  type: "text",
  autocomplete: "off",
  empty: "Enter one of your recovery codes.",
  wrong: "This is no recovery code. One looks like ABCD-EFGH-IJKL-MNOP-QRST-UVWX.",
}
