/** The one style of the pages: light and dark by the visitor's own choice, one column, nothing that is loaded. */

/** CSS, without what HTML would read as markup. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f7; --sheet: #fff; --ink: #16181d; --faint: #565d6b; --line: #d5d9e0; --field: #838b99;
  --act: #1f4fd8; --act-over: #173da8; --on-act: #fff; --bad: #b3261e; --bad-ground: #fdecea; --good: #14532d; --good-ground: #e5f5ea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #101216; --sheet: #191c22; --ink: #eceef2; --faint: #a3abba; --line: #323844; --field: #788191;
    --act: #8fb0ff; --act-over: #b3c9ff; --on-act: #0b1533; --bad: #ffb4ab; --bad-ground: #3b1512; --good: #a7e8bc; --good-ground: #12301d;
  }
}
* { box-sizing: border-box }
html { font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; -webkit-text-size-adjust: 100% }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); padding: 1.25rem 1rem 3rem }
header, main { max-width: 26rem; margin: 0 auto }
.wide header, .wide main { max-width: 44rem }
header { padding: .5rem 0 1rem; font-weight: 600 }
header a { color: inherit; text-decoration: none }
header a:hover { text-decoration: underline }
main { background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem }
@media (min-width: 40rem) { body { padding-top: 4rem } main { padding: 2rem } .wide { padding-top: 2.5rem } }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; letter-spacing: -.01em }
h2 { font-size: 1.0625rem; line-height: 1.35; margin: 2rem 0 .25rem }
p { margin: 0 0 1rem; overflow-wrap: anywhere }
a { color: var(--act) }
a:hover { color: var(--act-over) }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; border-radius: .25rem }
form { margin: 1.25rem 0 0 }
label { display: block; font-weight: 600; margin: 0 0 .25rem }
.field { margin: 0 0 1.25rem }
.hint { color: var(--faint); font-size: .875rem; margin: 0 0 .375rem }
.wrong { color: var(--bad); font-size: .9375rem; font-weight: 600; margin: 0 0 .375rem }
input, select { font: inherit; color: inherit; width: 100%; min-height: 2.75rem; padding: .5rem .75rem; background: var(--sheet); border: 1px solid var(--field); border-radius: .5rem }
.check { display: flex; gap: .625rem; align-items: center }
.check input { width: 1.25rem; min-height: 1.25rem; flex: none; accent-color: var(--act) }
input:focus-visible, select:focus-visible { outline-offset: 0; border-color: var(--act) }
input[aria-invalid], input[aria-invalid]:focus-visible { border: 2px solid var(--bad); outline-color: var(--bad) }
button, .button { display: inline-flex; align-items: center; justify-content: center; font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.25rem; border: 1px solid var(--act); border-radius: .5rem; background: var(--act); color: var(--on-act); text-decoration: none; cursor: pointer }
button:hover, .button:hover { background: var(--act-over); border-color: var(--act-over); color: var(--on-act) }
button:focus-visible, .button:focus-visible { border-radius: .5rem }
.entry button { width: 100% }
.quiet { background: transparent; border-color: var(--field); color: var(--ink) }
.quiet:hover { background: var(--ground); border-color: var(--ink); color: var(--ink) }
.told { border-radius: .5rem; padding: .75rem 1rem; margin: 0 0 1.25rem; background: var(--good-ground); color: var(--good) }
.told.bad { background: var(--bad-ground); color: var(--bad) }
.told a { color: inherit }
.links { list-style: none; margin: 1.5rem 0 0; padding: 1rem 0 0; border-top: 1px solid var(--line) }
.links li { padding: .25rem 0 }
dl { margin: 0 }
dt { color: var(--faint); font-size: .875rem }
dd { margin: 0 0 .625rem; overflow-wrap: anywhere }
time { white-space: nowrap }
@media (min-width: 40rem) { dl { display: grid; grid-template-columns: max-content 1fr; gap: .375rem 1.5rem } dt { font-size: 1rem } dl dd { margin: 0 } }
.rows { list-style: none; margin: .75rem 0 0; padding: 0 }
.rows > li { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between; padding: .875rem 0; border-top: 1px solid var(--line) }
.rows div { flex: 1 1 14rem; min-width: 0 }
.rows form, .acts form { margin: 0 }
.rows p { margin: 0 }
.mark { display: inline-block; font-size: .8125rem; font-weight: 600; padding: 0 .5rem; border-radius: 1rem; background: var(--good-ground); color: var(--good); white-space: nowrap }
.acts { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: 1.5rem 0 0; padding: 1.25rem 0 0; border-top: 1px solid var(--line) }
article { border-top: 1px solid var(--line); padding: 1.25rem 0 .5rem; margin: 1.25rem 0 0 }
article h2 { margin: 0 }
.letter { white-space: pre-line; margin: .75rem 0 1rem }
fieldset { border: 1px solid var(--line); border-radius: .5rem; margin: 0 0 1.25rem; padding: .5rem .75rem .75rem }
legend { font-weight: 600; padding: 0 .25rem }
.choice { display: grid; grid-template-columns: minmax(min-content, 1fr) minmax(0, 9.5rem); gap: .5rem; align-items: center; margin: .375rem 0 0 }
.choice label { font-weight: 400; margin: 0 }
.choice select { padding: .5rem .125rem .5rem .375rem }
.aside { margin: .75rem 0 0 }
.aside .button { width: 100% }
summary { color: var(--act); cursor: pointer; font-size: .875rem; padding: .25rem 0; width: max-content }
.rows details form { margin: .5rem 0 .25rem; display: grid; gap: .5rem }
.rows details button { justify-self: start }
.picture img { display: block; margin: 0 auto; background: #fff; padding: .5rem; border-radius: .5rem; max-width: 100%; height: auto }
.secret { display: block; font-size: 1rem; font-weight: 600; word-spacing: .25rem }
.codes { padding: 0 0 0 2rem; margin: 0 0 1rem }
.codes li { padding: .125rem 0 }
.codes code { font-size: .9375rem }
.rows ul { margin: .25rem 0; padding: 0; list-style: none }
[hidden] { display: none !important }
code { font: .875rem/1.4 ui-monospace, "Liberation Mono", monospace; overflow-wrap: anywhere }
`
