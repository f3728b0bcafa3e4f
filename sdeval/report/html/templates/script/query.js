// The query language of the search: words, and terms such as s:regressed, tag:"two words" or -seed:3.
const queryKeys = ["s", "suite", "target", "metric", "tag", "defect", "seed", "change", "case"];
const queryAliases = { verdict: "s", status: "s" };
const tokenPattern = /(-?)(?:([a-z_]+):)?(?:"([^"]*)"?|(\S+))/gi;

// Terms by key, words, and hints about what means nothing. Several values of a key: any of them; everything else: all.
function parseQuery(query) {
  const parsed = { terms: [], words: [], hints: [], tokens: [] };
  for (const [raw, minus, name, quoted, bare] of query.matchAll(tokenPattern)) {
    const token = { raw, negative: minus === "-", key: "", value: (quoted ?? bare).toLowerCase() };
    parsed.tokens.push(token);
    // What is being typed filters nothing yet.
    if (name === undefined && /^[a-z_]+:$/i.test(bare ?? "") && keyOf(bare.slice(0, -1))) continue;
    if (name === undefined) {
      if (token.value) parsed.words.push(token);
      continue;
    }
    token.key = keyOf(name);
    if (!token.key) parsed.hints.push(`${name}: is no filter; there are ${queryKeys.map((key) => `${key}:`).join(" ")}`);
    else if (token.value) parsed.terms.push({ ...token, matches: matcherOf(token.key, token.value) });
  }
  return parsed;
}

function keyOf(name) {
  const key = name.toLowerCase();
  return queryAliases[key] ?? (queryKeys.includes(key) ? key : "");
}

const normal = (key, value) => (key === "s" ? value.toLowerCase().replace(/[\s-]/g, "_") : value.toLowerCase());

// A star stands for any characters: target:shapes*
function matcherOf(key, value) {
  const text = normal(key, value);
  if (!text.includes("*")) return (other) => other === text;
  const parts = text.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`^${parts.join(".*")}$`);
  return (other) => pattern.test(other);
}

const termOf = (key, value) => `${key}:${/[\s"]|^$/.test(value) ? `"${value.replaceAll('"', "")}"` : value}`;

// A query without the positive terms of a key that fit; other tokens stay as they were typed.
function withoutTerms(query, key, fits = () => true) {
  const isDropped = (token) => token.key === key && !token.negative && fits(token.value);
  return parseQuery(query).tokens.filter((token) => !isDropped(token)).map((token) => token.raw).join(" ");
}

const withTerm = (query, key, value) => [query.trim(), termOf(key, value)].filter(Boolean).join(" ");
