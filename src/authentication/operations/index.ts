/** All operations of accounts, as the registry takes them. */
import type { Models } from "../../core/model.ts"
import type { Operation } from "../../core/operation.ts"
import type { EngineParts } from "../../core/registry.ts"
import type { Resource } from "../../core/resource.ts"
import type { Flow } from "../account.ts"
import { inboxJobParts } from "../inbox-jobs.ts"
import { providerOperations } from "../providers/operations.ts"
import { accountResources } from "../resources.ts"
import { apiKeyOperations } from "./api-keys.ts"
import { listFactors, makeRecoveryCodes, removeFactor, renameFactor } from "./factors.ts"
import { confirmTotp, enrolTotp } from "./factors-totp.ts"
import { grantOperations } from "./grants.ts"
import { inboxPreferences, listInbox, markInboxRead, setInboxPreferences } from "./inbox.ts"
import { rotateKeys } from "./keys.ts"
import { deleteMe, exportMe, getMe, updateMe } from "./me.ts"
import { addPasskey, beginPasskey, beginPasskeyCreation, signInWithPasskey } from "./passkeys.ts"
import { changePassword } from "./password.ts"
import { confirmSignIn, redeemMagicLink, requestMagicLink, requestPasswordReset, resetPassword } from "./recovery.ts"
import { verifySecondFactor } from "./second-factor.ts"
import { serviceAccountOperations } from "./service-accounts.ts"
import { listSessions, revokeOtherSessions, revokeSession } from "./sessions.ts"
import { setUp } from "./setup.ts"
import { refresh, signIn, signOut } from "./sign-in.ts"
import { signUp, verifyEmail } from "./sign-up.ts"
import { stepUp } from "./step-up.ts"
import { userOperations } from "./users.ts"

/** The ways in. */
function enteringOperations(flow: Flow, apiKeys: Resource): readonly Operation[] {
  return [
    signUp(flow),
    verifyEmail(flow, apiKeys),
    signIn(flow),
    beginPasskey(flow),
    signInWithPasskey(flow),
    verifySecondFactor(flow),
    refresh(flow),
    signOut(flow),
    stepUp(flow),
    requestPasswordReset(flow),
    resetPassword(flow, apiKeys),
    changePassword(flow),
    requestMagicLink(flow),
    redeemMagicLink(flow, apiKeys),
    confirmSignIn(flow, apiKeys),
  ]
}

/** What somebody sees and does of how they sign in. */
function ownOperations(flow: Flow): readonly Operation[] {
  return [
    getMe(),
    listSessions(flow),
    revokeSession(flow),
    revokeOtherSessions(flow),
    listFactors(flow),
    renameFactor(flow),
    removeFactor(flow),
    enrolTotp(flow),
    confirmTotp(flow),
    beginPasskeyCreation(flow),
    addPasskey(flow),
    makeRecoveryCodes(flow),
  ]
}

/** Open to a session that may only add a second factor. */
function duringEnrolment(operation: Operation): Operation {
  return { ...operation, enrolment: true }
}

/**
 * Resources and operations of accounts under an application's rules.
 * @param models of the finished registry, for `me.export`
 */
export function accountParts(flow: Flow, models: () => Models): Required<EngineParts> {
  const resources = accountResources(flow.rules)
  const find = (name: string) => resources.find((one) => one.name === name)
  const services = find("service_accounts")
  const apiKeys = find("api_keys") as Resource
  const operations: Operation[] = [
    ...[...enteringOperations(flow, apiKeys), ...ownOperations(flow)].map(duringEnrolment),
    setUp(flow),
    rotateKeys(flow),
    updateMe(),
    exportMe(flow, models),
    deleteMe(flow),
    listInbox(flow),
    markInboxRead(flow),
    inboxPreferences(flow),
    setInboxPreferences(flow),
    ...apiKeyOperations(flow, apiKeys),
    ...grantOperations(flow),
    ...(services ? serviceAccountOperations(flow, services) : []),
    ...userOperations(flow),
    ...providerOperations(flow, apiKeys),
  ]
  return { resources, operations, jobs: inboxJobParts(flow) }
}
