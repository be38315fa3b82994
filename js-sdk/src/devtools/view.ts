/** The few elements that the panel is made of, and its looks. Text only ever becomes text. */

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  return made
}

export function cell(tag: 'td' | 'th' | 'dt' | 'dd' | 'li', text: string): HTMLElement {
  const made = element(tag)
  made.textContent = text
  return made
}

export function button(text: string, onClick: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button' })
  made.textContent = text
  made.addEventListener('click', onClick)
  return made
}

export const STYLE = `
:host { position: fixed; right: 8px; bottom: 8px; z-index: 2147483647; font: 12px/1.5 ui-monospace, monospace }
details { background: #16181d; color: #e6e8eb; border-radius: 8px; padding: 4px 10px; max-width: 360px }
details[open] { max-height: 70vh; overflow: auto }
summary { cursor: pointer }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 12px; margin: 8px 0 }
dt, th { color: #9aa3ad; font-weight: normal; text-align: left }
dd { margin: 0 }
table { border-collapse: collapse; width: 100% }
td + td, th + th { text-align: right }
button { font: inherit; color: inherit; background: #2a2f38; border: 0; border-radius: 4px; padding: 2px 8px; margin-right: 4px }
button:hover, button:focus-visible { background: #3a4250 }
ul, ol { list-style: none; margin: 8px 0 0; padding: 0 }
ol { color: #9aa3ad }
`
