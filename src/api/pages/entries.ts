/** The pages with one form each, as data: which operation the form runs, what is typed, and where it leads. */
import type { JsonObject } from "../../core/json.ts"

/** Something that is typed. Its name is the property of the operation's input. */
export interface Field {
  readonly name: "email" | "name" | "password"
  readonly label: string
  readonly type: "email" | "text" | "password"
  /** WHATWG autofill: which value the browser or a password manager may put in. */
  readonly autocomplete: string
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
  /** Other ways, as title and address. */
  readonly links: readonly (readonly [string, string])[]
  /** Where a letter is asked for again; null where none leads here. */
  readonly again: readonly [string, string] | null
  /** Where to go when it is done. */
  next(output: JsonObject): string
}

const email: Field = {
  name: "email",
  label: "E-mail address",
  type: "email",
  autocomplete: "username",
  empty: "Enter your e-mail address.",
  wrong: "This is not an e-mail address. One looks like ada@example.com.",
}

const password: Field = {
  name: "password",
  label: "Password",
  type: "password",
  autocomplete: "current-password",
  empty: "Enter your password.",
  wrong: "A password has at most 256 characters.",
}

const cookie = { transport: "cookie" } as const
const signInLink = ["Sign in", "/account/sign-in"] as const
const signUpLink = ["Make an account", "/account/sign-up"] as const
const mailLink = ["Sign in with a link by mail", "/account/sign-in-link"] as const

const plain = { lead: null, fields: [], token: false, session: false, given: {}, links: [], again: null } as const

function enteringEntries(newPassword: Field): readonly Entry[] {
  return [
    {
      ...plain,
      path: "sign-up",
      title: "Make an account",
      operation: "auth.signUp",
      fields: [
        {
          name: "name",
          label: "Name",
          type: "text",
          autocomplete: "name",
          empty: "Enter the name that others are to see.",
          wrong: "A name has at most 100 characters.",
        },
        email,
        { ...newPassword, label: "Password" },
      ],
      given: cookie,
      button: "Make the account",
      links: [signInLink],
      next: (output) => (output.session === undefined ? "/account/sent?for=sign-up" : "/account"),
    },
    {
      ...plain,
      path: "sign-in",
      title: "Sign in",
      operation: "auth.signIn",
      fields: [email, password],
      given: cookie,
      button: "Sign in",
      links: [signUpLink, ["Forgotten the password?", "/account/forgot-password"], mailLink],
      next: () => "/account",
    },
    {
      ...plain,
      path: "forgot-password",
      title: "Set a new password",
      lead: "We send a letter with a link to your address. It works for 10 minutes.",
      operation: "auth.requestPasswordReset",
      fields: [email],
      button: "Send the letter",
      links: [signInLink],
      next: () => "/account/sent?for=password",
    },
    {
      ...plain,
      path: "sign-in-link",
      title: "Sign in by mail",
      lead: "We send a letter with a link that signs you in without a password. It works for 10 minutes.",
      operation: "auth.requestMagicLink",
      fields: [email],
      button: "Send the letter",
      links: [["Sign in with the password", "/account/sign-in"]],
      next: () => "/account/sent?for=link",
    },
  ]
}

function letterEntries(newPassword: Field): readonly Entry[] {
  return [
    {
      ...plain,
      path: "verify-email",
      title: "Confirm your address",
      lead: "One more step: confirm that the letter reached you.",
      operation: "auth.verifyEmail",
      token: true,
      button: "Confirm the address",
      again: ["Sign in, and a new letter is sent", "/account/sign-in"],
      next: () => "/account/sign-in?told=confirmed",
    },
    {
      ...plain,
      path: "reset-password",
      title: "Set a new password",
      lead: "Everywhere that you are signed in, you will be signed out.",
      operation: "auth.resetPassword",
      fields: [newPassword],
      token: true,
      button: "Set the password",
      again: ["Ask for a new letter", "/account/forgot-password"],
      next: () => "/account/sign-in?told=password",
    },
    {
      ...plain,
      path: "magic-link",
      title: "Sign in",
      lead: "The link from the letter works once, for this browser.",
      operation: "auth.redeemMagicLink",
      token: true,
      given: cookie,
      button: "Sign in",
      again: ["Ask for a new letter", "/account/sign-in-link"],
      next: () => "/account",
    },
    {
      ...plain,
      path: "confirm-sign-in",
      title: "Was it you?",
      lead: "Somebody entered your password on a device that we do not know. If it was you, go on. If not, set a new password: somebody else knows yours.",
      operation: "auth.confirmSignIn",
      token: true,
      given: cookie,
      button: "It was me: sign in",
      links: [["It was not me: set a new password", "/account/forgot-password"]],
      again: ["Sign in again, and a new letter is sent", "/account/sign-in"],
      next: () => "/account",
    },
  ]
}

const invitation: Entry = {
  ...plain,
  path: "invitation",
  title: "You are invited",
  lead: "The account that you are signed in with takes the place that is meant for you.",
  operation: "invitations.accept",
  token: true,
  session: true,
  button: "Accept the invitation",
  again: ["Go to your account", "/account"],
  next: () => "/account?told=joined",
}

/**
 * All of them.
 * @param operations that there are; an invitation is a matter of the application, so its page stands only where it has one
 * @param passwordMinimum characters that a new password has at least
 */
export function entriesOf(operations: ReadonlyMap<string, unknown>, passwordMinimum: number): readonly Entry[] {
  const newPassword: Field = {
    ...password,
    label: "New password",
    autocomplete: "new-password",
    hint: `At least ${passwordMinimum} characters. A few words in a row are good.`,
    empty: "Choose a password.",
  }
  const entries = [...enteringEntries(newPassword), ...letterEntries(newPassword)]
  return operations.has(invitation.operation) ? [...entries, invitation] : entries
}

/** What the sign-in page and the account page may be asked to tell, by name: an address in the location bar is no message of ours. */
export const tidings: ReadonlyMap<string | null, string> = new Map([
  ["confirmed", "Your address is confirmed. Sign in with it."],
  ["password", "The new password is set. Sign in with it."],
  ["out", "You are signed out."],
  ["ended", "That session has ended."],
  ["others", "All other sessions have ended."],
  ["joined", "You accepted the invitation."],
  ["program", "Sign in, then you are asked whether to let the program in."],
])

const linkText = "If the address has an account, a letter with a link is on its way. Open the link within 10 minutes."

/** For whom a page needs to be signed in and is not. */
export const signInFirst: readonly (readonly [string, string])[] = [signInLink, signUpLink]

/** What is said after a letter was asked for; the same whether the address has an account. */
export const sentTexts: ReadonlyMap<string | null, string> = new Map([
  ["sign-up", "A letter is on its way. Open the link in it within 24 hours to confirm your address, then sign in."],
  ["password", linkText],
  ["link", linkText],
])
