/**
 * The one script of the pages: it hands the options of a form to the authenticator, puts what comes back into the form, and sends it. It asks nothing of any
 * server; without it the form stays hidden, and the page says why.
 */

/** JavaScript, without what HTML would read as markup. A page allows it by its hash. */
export const passkeyScript = `
"use strict"
{
  const form = document.querySelector("form[data-passkey]")
  const told = document.getElementById("passkey-told")
  const kind = globalThis.PublicKeyCredential
  const say = (text) => {
    told.textContent = text
    told.hidden = text === ""
  }
  const words = {
    NotAllowedError: "That was not done: it was stopped, or took too long. Try again.",
    InvalidStateError: "This device has a passkey for this account already.",
    SecurityError: "Passkeys do not work at this address.",
  }
  const ask = async () => {
    const options = JSON.parse(form.dataset.options)
    if (form.dataset.passkey === "create")
      return navigator.credentials.create({ publicKey: kind.parseCreationOptionsFromJSON(options) })
    return navigator.credentials.get({ publicKey: kind.parseRequestOptionsFromJSON(options) })
  }
  if (!kind?.parseCreationOptionsFromJSON || !kind.prototype.toJSON) say("This browser cannot use passkeys here.")
  else {
    let isBusy = false
    form.hidden = false
    form.addEventListener("submit", async (event) => {
      event.preventDefault()
      if (isBusy) return
      isBusy = true
      say("")
      try {
        form.elements.credential.value = JSON.stringify(await ask())
        form.submit()
      } catch (error) {
        say(words[error.name] ?? "This browser could not use the passkey (" + error.name + ").")
        isBusy = false
      }
    })
    if ("now" in form.dataset) form.requestSubmit()
  }
}
`
