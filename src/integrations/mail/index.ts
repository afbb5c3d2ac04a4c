/** Letters: one way out by Cloudflare's own binding, and a mailbox for development. */
export { sendByCloudflare } from "./cloudflare.ts"
export type { Letter } from "./letter.ts"
export { readMailbox, toMailbox } from "./mailbox.ts"
