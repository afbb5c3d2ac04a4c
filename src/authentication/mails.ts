/** The letters of accounts, as data. Plain words: what happened, what to do, and that nothing need be done by who did not ask for it. */
import type { Mail } from "../core/outbox.ts"

type To = string | null

const ignore = "If this was not you, you can ignore this mail."

/** Proves an address after sign-up. */
export function verifyMail(to: To, title: string, url: string): Mail {
  return {
    to,
    subject: `Confirm your address for ${title}`,
    paragraphs: [`Somebody signed up for ${title} with this address. Confirm it within 24 hours.`, ignore],
    action: { label: "Confirm the address", url },
  }
}

/** To whoever proved the address of an account that was used before, from elsewhere. */
export function provedMail(to: To, title: string, url: string): Mail {
  return {
    to,
    subject: `Set a password for ${title}`,
    paragraphs: [
      `Your address is confirmed. Somebody used the account at ${title} before, and we cannot know that it was you.`,
      "So its password, its sessions and its API keys are gone. Set a password of your own within 10 minutes, or ask for another letter later.",
    ],
    action: { label: "Set a password", url },
  }
}

/** To the owner of an address with which somebody signed up again. */
export function alreadyMail(to: To, title: string, url: string): Mail {
  return {
    to,
    subject: `You already have an account at ${title}`,
    paragraphs: [
      `Somebody tried to sign up for ${title} with this address, which has an account.`,
      "If it was you: sign in, or set a new password within 10 minutes.",
      ignore,
    ],
    action: { label: "Set a new password", url },
  }
}

/** Sets a new password. */
export function resetMail(to: To, title: string, url: string): Mail {
  return {
    to,
    subject: `Set a new password for ${title}`,
    paragraphs: [`Somebody asked for a new password at ${title}. The link works once, within 10 minutes.`, ignore],
    action: { label: "Set a new password", url },
  }
}

/** Signs in without a password. */
export function magicMail(to: To, title: string, url: string): Mail {
  return {
    to,
    subject: `Sign in to ${title}`,
    paragraphs: [`The link signs you in to ${title}. It works once, within 10 minutes.`, ignore],
    action: { label: "Sign in", url },
  }
}

/** Asks whether a right password, after very many wrong ones, was its owner's. */
export function confirmMail(to: To, title: string, url: string): Mail {
  return {
    to,
    subject: `Was it you who signed in to ${title}?`,
    paragraphs: [
      `After many wrong guesses, somebody entered the right password of your account at ${title} on a device that we do not know.`,
      "If it was you, go on with the link within 10 minutes. If not, set a new password: yours is known to somebody else.",
    ],
    action: { label: "It was me: sign in", url },
  }
}

/** Tells of a change that a thief would make. */
export function changedMail(to: To, title: string, what: string): Mail {
  return {
    to,
    subject: `${what} at ${title}`,
    paragraphs: [`${what}. If this was not you, set a new password at once: that ends every session.`],
  }
}

/** Tells when a deleted account will be gone. */
export function deletionMail(to: To, title: string, until: string): Mail {
  return {
    to,
    subject: `Your account at ${title} is going to be deleted`,
    paragraphs: [
      `Everything will be gone after ${until.slice(0, 10)}. Until then, signing in brings the account back.`,
    ],
  }
}

/** Tells somebody that an administrator acts in their name. */
export function impersonationMail(to: To, title: string, reason: string): Mail {
  return {
    to,
    subject: `An administrator of ${title} is acting in your name`,
    paragraphs: [
      `For at most 15 minutes. The reason that was given: ${reason}`,
      "What is done stands in the log under both names.",
    ],
  }
}

/** To whoever's password is known to somebody who does not have the second factor. */
export function wrongCodesMail(to: To, title: string): Mail {
  return {
    to,
    subject: `Wrong codes for your account at ${title}`,
    paragraphs: [
      `Somebody entered the right password of your account at ${title} and then wrong codes, several times. They are not in.`,
      "If this was not you, your password is known to somebody else: set a new one.",
    ],
  }
}

/** Tells that a recovery code was used. */
export function recoveryUsedMail(to: To, title: string, left: number): Mail {
  return {
    to,
    subject: `A recovery code was used at ${title}`,
    paragraphs: [
      `Somebody gave one of your recovery codes at ${title}; ${left} are left. It works no more.`,
      "If this was not you, somebody has your codes: set a new password, end all sessions and make new codes.",
    ],
  }
}
