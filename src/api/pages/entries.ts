/** The pages with one form each, as data: which operation the form runs, what is typed, and where it leads. */
import type { AccountRules } from "../../core/accounts.ts"
import type { JsonObject } from "../../core/json.ts"

/** Something that is typed. Its name is the property of the operation's input. */
export interface Field {
  readonly name: "email" | "name" | "password" | "code" | "recoveryCode"
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
const codeLink = ["Use the code of an app", "/account/second-factor"] as const
const recoveryLink = ["Use a recovery code", "/account/recovery-code"] as const
const mailLink = ["Sign in with a link by mail", "/account/sign-in-link"] as const

/** Where a first proof leads: in, or to the second factor. */
const entered = ({ kind }: JsonObject) => (kind === "secondFactor" ? "/account/second-factor" : "/account")

const plain = { lead: null, fields: [], token: false, session: false, given: {}, links: [], again: null } as const

function enteringEntries(newPassword: Field, others: Entry["links"]): readonly Entry[] {
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
      links: [...others, signInLink],
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
      links: [...others, signUpLink, ["Forgotten the password?", "/account/forgot-password"], mailLink],
      next: entered,
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

/** The second half of a sign-in; its ticket is in a cookie. A passkey takes script, and has no page here. */
function factorEntries(): readonly Entry[] {
  return [
    {
      ...plain,
      path: "second-factor",
      title: "Enter the code",
      lead: "This account has a second factor. Enter the six digits that your authenticator app shows now.",
      operation: "auth.verifySecondFactor",
      fields: [
        {
          name: "code",
          label: "Code",
          type: "text",
          autocomplete: "one-time-code",
          empty: "Enter the code that the app shows.",
          wrong: "A code has six digits.",
        },
      ],
      given: cookie,
      button: "Sign in",
      links: [recoveryLink, ["Begin again", "/account/sign-in"]],
      next: () => "/account",
    },
    {
      ...plain,
      path: "recovery-code",
      title: "Use a recovery code",
      lead: "Each of the codes that you were given with the second factor works once.",
      operation: "auth.verifySecondFactor",
      fields: [
        {
          name: "recoveryCode",
          label: "Recovery code",
          type: "text",
          autocomplete: "off",
          empty: "Enter one of your recovery codes.",
          wrong: "This is no recovery code. One looks like ABCD-EFGH-IJKL-MNOP-QRST-UVWX.",
        },
      ],
      given: cookie,
      button: "Sign in",
      links: [codeLink, ["Begin again", "/account/sign-in"]],
      next: () => "/account",
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
      next: entered,
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
      next: entered,
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
 * @param rules how long a new password has to be, and with whom else one signs in
 */
export function entriesOf(
  operations: ReadonlyMap<string, unknown>,
  { password: { minimum }, providers }: Pick<AccountRules, "password" | "providers">,
): readonly Entry[] {
  const newPassword: Field = {
    ...password,
    label: "New password",
    autocomplete: "new-password",
    hint: `At least ${minimum} characters. A few words in a row are good.`,
    empty: "Choose a password.",
  }
  const others = providers.map(({ name, title }) => [`Go on with ${title}`, `/auth/${name}/start`] as const)
  const entries = [...enteringEntries(newPassword, others), ...factorEntries(), ...letterEntries(newPassword)]
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
  ["linked", "You can sign in with it from now on."],
  ["unlinked", "It does not sign you in any more, and all other sessions have ended."],
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
