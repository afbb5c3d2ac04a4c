/** The pages with one form each, as data: which operation the form runs, what is typed, and where it leads. */
import type { AccountRules } from "../../core/accounts.ts"
import {
  againLink,
  code,
  codeLink,
  cookie,
  type Entry,
  email,
  type Field,
  mailLink,
  password,
  plain,
  recoveryCode,
  recoveryLink,
  signInLink,
  signUpLink,
} from "./fields.ts"
import { entered } from "./ways.ts"

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
      aside: ["Sign in with a passkey", "/account/passkey"],
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

/** The second half of a sign-in; its ticket is in a cookie. A passkey has a page of its own, because it takes script. */
function factorEntries(): readonly Entry[] {
  const shared = { ...plain, operation: "auth.verifySecondFactor", given: cookie, button: "Sign in" } as const
  const passkeyLink = ["Use a passkey", "/account/second-factor/passkey"] as const
  return [
    {
      ...shared,
      path: "second-factor",
      title: "Enter the code",
      lead: "This account has a second factor. Enter the six digits that your authenticator app shows now.",
      fields: [code],
      links: [passkeyLink, recoveryLink, againLink],
      next: entered,
    },
    {
      ...shared,
      path: "recovery-code",
      title: "Use a recovery code",
      lead: "Each of the codes that you were given with the second factor works once.",
      fields: [recoveryCode],
      links: [codeLink, passkeyLink, againLink],
      next: entered,
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

/** The password of somebody who knows the one before. */
function changeEntry(newPassword: Field): Entry {
  return {
    ...plain,
    path: "password",
    title: "Change the password",
    lead: "Everywhere else that you are signed in, you will be signed out.",
    operation: "auth.changePassword",
    fields: [{ ...password, name: "currentPassword", label: "Current password" }, newPassword],
    session: true,
    button: "Change the password",
    links: [
      ["Set a new one by mail", "/account/forgot-password"],
      ["Back to your account", "/account"],
    ],
    next: () => "/account?told=changed",
  }
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
  const entries = [
    ...enteringEntries(newPassword, others),
    ...factorEntries(),
    ...letterEntries(newPassword),
    changeEntry(newPassword),
  ]
  return operations.has(invitation.operation) ? [...entries, invitation] : entries
}

/** For whom a page needs to be signed in and is not. */
export const signInFirst: readonly (readonly [string, string])[] = [signInLink, signUpLink]
