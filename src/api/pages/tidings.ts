/** What pages are asked to tell after something was done, by name: an address in the location bar is no message of ours. */

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
  ["changed", "The new password is set, and all other sessions have ended."],
  ["enrol", "As an administrator you need a second factor before you can go on. Add one here."],
  ["proved", "Thank you. Now go on with what you were doing."],
  ["added", "The second factor is added, and all other sessions have ended."],
  ["renamed", "The second factor has its new name."],
  ["removed", "The second factor is removed, and all other sessions have ended."],
  ["key-ended", "The key has ended."],
  ["grant-ended", "The program has no access any more."],
])

const linkText = "If the address has an account, a letter with a link is on its way. Open the link within 10 minutes."

/** What is said after a letter was asked for; the same whether the address has an account. */
export const sentTexts: ReadonlyMap<string | null, string> = new Map([
  ["sign-up", "A letter is on its way. Open the link in it within 24 hours to confirm your address, then sign in."],
  ["password", linkText],
  ["link", linkText],
])
