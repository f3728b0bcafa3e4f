// What is known of the images that are shown: scores, facts, files and commands.
function showDetails() {
  const { head, rows } = content.table;
  const titles = element("tr");
  titles.append(...head.map((title) => element("th", title, { scope: "col" })));
  part("scores").style.setProperty("--cells", head.length - 1);
  part("scores").tHead.replaceChildren(...(rows.length ? [titles] : []));
  part("scores").tBodies[0].replaceChildren(...rows.map(scoreRow));
  const facts = Object.entries(content.facts).filter(([, text]) => text).flatMap(([name, text]) => [element("dt", name), element("dd", text)]);
  part("facts").replaceChildren(...facts);
  part("files").replaceChildren(...[...shownImages(), ...content.inputs].map(fileLine));
  part("commands").replaceChildren(...content.commands.map(commandLine));
}

function scoreRow({ cells: [name, ...texts], unit, tone, hint }) {
  const row = element("tr", "", { "data-tone": tone });
  const heading = element("th", "", { scope: "row", title: hint });
  heading.append(element("span", name), " ", element("small", unit));
  row.append(heading, ...texts.map((text) => element("td", text)));
  return row;
}

function fileLine({ label, source, isThumbnail }) {
  const line = element("li", `${label}${isThumbnail ? " (thumbnail)" : ""}: `);
  line.append(element("a", "open", { href: source, target: "_blank", rel: "noopener", "aria-label": `open ${label}` }), " · ");
  const kind = source.match(/^data:image\/(\w+)/)?.[1];
  const name = kind ? `${content.title} ${label}.${kind}` : "";
  // Of a page from disk no browser downloads the files beside it: they are on disk already.
  if (kind || location.protocol !== "file:") line.append(element("a", "download", { href: source, download: name, "aria-label": `download ${label}` }));
  else line.append(element("code", source));
  return line;
}

function commandLine({ label, text }) {
  const line = element("p");
  const button = element("button", `copy ${label}`, { type: "button" });
  button.addEventListener("click", () => copyText(text));
  line.append(button, " ", element("code", text));
  return line;
}

async function copyText(text) {
  let isCopied = false;
  try {
    await navigator.clipboard.writeText(text);
    isCopied = true;
  } catch {
    // Of a page from disk some browsers refuse it.
    isCopied = copySelected(text);
  }
  say(isCopied ? `copied: ${text}` : "could not be copied: select the text instead");
}

function copySelected(text) {
  const last = document.activeElement;
  const area = element("textarea", "", { "aria-hidden": "true", class: "copied" });
  area.value = text;
  // Outside the dialog nothing can be selected while it is open.
  viewer.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  last?.focus();
  return isCopied;
}
