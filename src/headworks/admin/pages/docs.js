// Renders openapi.json. Text only ever enters the page as text; the key lives in the input field and nowhere else.
"use strict";

const base = new URL(".", location.href);
const byId = (id) => document.getElementById(id);
let api = null;
let operations = [];

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

const pretty = (value) => JSON.stringify(value, null, 2);
const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
const worded = (text) => text.split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));
const day = (time) => (time ? time.slice(0, 10) : "");

// Schemas

function resolve(schema) {
  for (let hops = 0; schema && schema.$ref && hops < 16; hops++) {
    const found = schema.$ref.slice(2).split("/").reduce((at, part) => {
      return at == null ? at : at[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
    }, api);
    schema = { ...found, ...Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$ref")) };
  }
  return schema === true || schema == null ? {} : schema;
}

function typeOf(given) {
  const schema = resolve(given);
  const members = schema.anyOf || schema.oneOf;
  if (members) return [...new Set(members.map(typeOf))].join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.contentEncoding === "base64") return schema.contentMediaType ? `base64 ${schema.contentMediaType}` : "base64";
  if (schema.type === "array") return `array of ${schema.items === undefined ? "anything" : typeOf(schema.items)}`;
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  return schema.type || (schema.properties ? "object" : "anything");
}

const RULES = {
  minimum: "≥ ", maximum: "≤ ", exclusiveMinimum: "> ", exclusiveMaximum: "< ", multipleOf: "multiple of ", minLength: "length ≥ ",
  maxLength: "length ≤ ", minItems: "items ≥ ", maxItems: "items ≤ ", pattern: "pattern ", format: "format ", default: "default ",
};

function rulesOf(given) {
  const outer = resolve(given);
  const members = (outer.anyOf || outer.oneOf || []).map(resolve).filter((member) => member.type !== "null");
  const schema = members.length === 1 ? { ...members[0], ...outer } : outer;
  const said = Object.entries(RULES).filter(([key]) => key in schema && !(key === "default" && schema[key] === null));
  return said.map(([key, words]) => {
    const value = typeof schema[key] === "string" ? schema[key] : JSON.stringify(schema[key]);
    return el("span", { class: "rule" }, words + value);
  });
}

function inside(given) {
  const schema = resolve(given);
  if (schema.properties) return schema;
  if (schema.type === "array" && schema.items) return inside(schema.items);
  const members = (schema.anyOf || schema.oneOf || []).map(inside).filter(Boolean);
  return members.length === 1 ? members[0] : null;
}

function alternatives(given) {
  const schema = resolve(given);
  if (schema.type === "array" && schema.items) return alternatives(schema.items);
  const members = (schema.anyOf || schema.oneOf || []).map(resolve).filter((member) => member.type !== "null");
  const objects = members.flatMap((member) => (member.properties ? [member] : alternatives(member)));
  return objects.length > 1 ? objects : [];
}

function nameOf(schema) {
  const fixed = Object.entries(schema.properties).filter(([, field]) => "const" in field || (field.enum || []).length === 1);
  return fixed.length ? fixed.map(([name, field]) => `${name} ${JSON.stringify("const" in field ? field.const : field.enum[0])}`).join(", ") : schema.title || "object";
}

function fields(given, depth = 0) {
  const either = alternatives(given);
  if (either.length) return el("div", {}, either.map((schema) => el("details", {}, el("summary", {}, nameOf(schema)), fields(schema, depth + 1))));
  const schema = inside(given);
  if (!schema) return el("div", { class: "field" }, el("div", { class: "line" }, el("span", { class: "type" }, typeOf(given)), rulesOf(given)));
  const required = new Set(schema.required || []);
  return el("div", {}, Object.entries(schema.properties).map(([name, field]) => {
    const told = resolve(field).description;
    const deeper = depth < 5 && (inside(field) || alternatives(field).length > 0);
    return el("div", { class: "field" },
      el("div", { class: "line" }, el("code", {}, name), el("span", { class: "type" }, typeOf(field)),
        required.has(name) && el("span", { class: "must" }, "required"), rulesOf(field)),
      told && el("p", {}, worded(told)),
      deeper && el("div", { class: "inner" }, fields(field, depth + 1)));
  }));
}

function sample(given, depth = 0) {
  const schema = resolve(given);
  if ("default" in schema) return schema.default;
  if (schema.examples && schema.examples.length) return schema.examples[0];
  if ("const" in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  const members = schema.anyOf || schema.oneOf;
  if (members) return depth > 6 ? null : sample(members[0], depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (schema.properties) {
    const needed = schema.required || [];
    return Object.fromEntries(needed.filter((name) => schema.properties[name]).map((name) => [name, sample(schema.properties[name], depth + 1)]));
  }
  if (type === "array") return depth > 6 || schema.items === false ? [] : Array(Math.min(schema.minItems || 1, 64)).fill(sample(schema.items || {}, depth + 1));
  if (type === "number" || type === "integer") return schema.minimum ?? (schema.exclusiveMinimum ?? -1) + 1;
  return { string: "text", boolean: true, object: {}, null: null }[type] ?? null;
}

// One version

function view(operation) {
  const { path, post, facts } = operation;
  const content = post.requestBody.content;
  const answers = post.responses["200"].content;
  const request = api.components.schemas[`${facts.endpoint}.v${facts.version}.request`];
  const reply = api.components.schemas[`${facts.endpoint}.v${facts.version}.reply`];
  return [
    el("h1", {}, `${facts.endpoint} v${facts.version}`, el("span", { class: `badge ${facts.status}` }, facts.status),
      facts.task && el("span", { class: "badge task" }, facts.task)),
    el("p", { class: "lead" }, worded(post.description)),
    banner(facts),
    el("div", { class: "route" }, el("span", { class: "method" }, "POST"), path, el("span", { class: "media" }, Object.keys(content).join("  "))),
    el("div", { class: "pair" },
      el("section", { class: "card" }, el("h2", {}, "Request", shape(request)), fields(request), raw(request)),
      el("section", { class: "card" }, el("h2", {}, "Reply", shape(reply, "text/event-stream" in answers)), fields(reply), raw(reply))),
    trial(path, content, Object.keys(answers), request),
    el("section", { class: "card" }, el("h2", {}, "Errors"), el("table", { class: "errors" }, Object.entries(post.responses)
      .filter(([status]) => status >= "400" && status < "6")
      .map(([status, error]) => el("tr", {}, el("td", {}, status), el("td", {}, worded(resolve(error).description)))))),
  ];
}

function banner(facts) {
  if (facts.status === "current" && !facts.deprecated && !facts.sunset) return null;
  const words = [
    facts.deprecated && `deprecated ${facts.status === "current" ? "from" : "since"} ${day(facts.deprecated)}`,
    facts.sunset && `${facts.status === "gone" ? "ended" : "ends"} on ${day(facts.sunset)}`,
  ].filter(Boolean).join(", ");
  return el("p", { class: `banner ${facts.status === "gone" ? "gone" : "deprecated"}` }, `This version is ${words}. `,
    facts.successor && el("a", { href: "#" + facts.successor }, `Use ${facts.successor}`));
}

const shape = (schema, isEvent = false) => el("span", { class: "type" }, (isEvent ? "each event: " : "") + typeOf(schema));
const raw = (schema) => el("details", {}, el("summary", {}, "JSON Schema"), el("pre", {}, pretty(schema)));

// Trying a call

function trial(path, content, answers, request) {
  const kinds = Object.keys(content).filter((kind) => kind !== "multipart/form-data");
  const examples = Object.values(content["application/json"].examples || {}).map((example) => example.value);
  const kind = el("select", { id: "kind" }, kinds.map((each) => el("option", {}, each)));
  const accept = el("select", { id: "accept" }, answers.map((each) => el("option", {}, each)));
  const body = el("textarea", { id: "body", spellcheck: "false", "aria-label": "Request body" });
  const file = el("input", { id: "file", type: "file", hidden: true, "aria-label": "File to send" });
  const curl = el("pre", { class: "wrap", id: "curl" });
  const result = el("div", { id: "result", "aria-live": "polite" });
  const send = el("button", { type: "button", id: "send" }, "Send");
  const isFile = () => !["application/json", "text/csv", "text/plain"].includes(kind.value);
  body.value = pretty(examples.length ? examples[0] : sample(request));
  const update = () => {
    body.hidden = isFile();
    file.hidden = !isFile();
    curl.textContent = command(path, kind.value, accept.value, isFile() ? null : body.value);
  };
  kind.addEventListener("change", () => {
    if (kind.value === "text/csv") body.value = table(examples.length ? examples[0] : sample(request));
    else if (kind.value === "application/json") body.value = pretty(examples.length ? examples[0] : sample(request));
    update();
  });
  for (const each of [body, accept]) each.addEventListener("input", update);
  send.addEventListener("click", () => call(path, kind.value, accept.value, isFile() ? file.files[0] : body.value, send, result));
  update();
  return el("section", { class: "card" }, el("h2", {}, "Try it"),
    el("div", { class: "row" }, el("label", { for: "kind" }, "Send"), kind, el("label", { for: "accept" }, "Accept"), accept,
      examples.length > 1 && el("select", { "aria-label": "Example", onchange: (event) => { body.value = pretty(examples[event.target.value]); update(); } },
        examples.map((_, at) => el("option", { value: at }, `example ${at + 1}`)))),
    body, file, el("div", { class: "row" }, send, el("span", { class: "hint" }, "The call is real: it counts and is recorded.")), result,
    el("div", { class: "row" }, el("h3", {}, "curl"), el("button", { type: "button", class: "plain push", onclick: (event) => {
      navigator.clipboard.writeText(curl.textContent).then(() => { event.target.textContent = "Copied"; });
    } }, "Copy")), curl);
}

function table(row) {
  const cell = (value) => {
    const text = value == null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return Object.keys(row).join(",") + "\n" + Object.values(row).map(cell).join(",") + "\n";
}

function command(path, kind, accept, body) {
  const url = new URL("." + path, base).href;
  const type = kind === "image/*" ? "image/jpeg" : kind;
  const data = body === null ? "--data-binary @FILE" : kind === "application/json" ? `-d ${quoted(compact(body))}` : `--data-binary ${quoted(body)}`;
  const wants = accept === "application/json" ? "" : ` -H ${quoted("Accept: " + accept)}`;
  return `curl ${accept === "text/event-stream" ? "-N" : "-s"} ${url} -H "Authorization: Bearer $KEY" -H ${quoted("Content-Type: " + type)}${wants} ${data}`;
}

function compact(text) {
  try { return JSON.stringify(JSON.parse(text)); } catch { return text; }
}

async function call(path, kind, accept, body, send, result) {
  const key = byId("key").value.trim();
  if (!key) { result.replaceChildren(el("p", { class: "banner deprecated" }, "Paste an API key at the top first.")); byId("key").focus(); return; }
  const type = kind === "image/*" && body ? body.type || "application/octet-stream" : kind;
  send.disabled = true;
  const started = performance.now();
  try {
    const answer = await fetch(new URL("." + path, base), {
      method: "POST", body, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
      headers: { "Authorization": `Bearer ${key}`, "Content-Type": type, "Accept": accept },
    });
    const shown = el("pre", { class: "wrap" });
    const head = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    result.replaceChildren(
      el("div", { class: "row" }, el("span", { class: answer.ok ? "status" : "status failed" }, `${answer.status}`),
        el("span", { class: "hint" }, `${Math.round(performance.now() - started)} ms, ${answer.headers.get("x-request-id") || ""}`)),
      shown, el("details", {}, el("summary", {}, "Headers"), el("pre", {}, head)));
    await show(answer, shown);
  } catch (error) {
    result.replaceChildren(el("p", { class: "banner gone" }, `No answer: ${error.message}`));
  } finally {
    send.disabled = false;
  }
}

async function show(answer, shown) {
  const type = answer.headers.get("content-type") || "";
  if (!type.startsWith("text/event-stream")) {
    const text = await answer.text();
    shown.textContent = type.includes("json") ? pretty(JSON.parse(text)) : text;
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) shown.append(part.value);
}

// The page

function list() {
  const wanted = byId("filter").value.trim().toLowerCase();
  const here = location.hash.slice(1);
  const names = [...new Set(operations.map((each) => each.facts.endpoint))].filter((name) => name.toLowerCase().includes(wanted));
  byId("list").replaceChildren(...names.map((name) => el("li", {}, el("div", { class: "name" }, name),
    el("div", { class: "versions" }, operations.filter((each) => each.facts.endpoint === name).map((each) => el("a", {
      href: "#" + each.path, title: each.facts.status, "aria-current": each.path === here ? "page" : null,
    }, el("span", { class: `dot ${each.facts.status}` }), `v${each.facts.version}`))))));
}

function showVersion() {
  const wanted = operations.find((each) => each.path === location.hash.slice(1));
  if (!wanted && operations.length) { location.replace("#" + operations[0].path); return; }
  byId("main").replaceChildren(...(wanted ? view(wanted) : [el("p", { class: "quiet" }, "No endpoint is published for this key.")]).filter(Boolean));
  document.title = wanted ? `${wanted.facts.endpoint} v${wanted.facts.version}: Headworks` : "Headworks: endpoints";
  scrollTo(0, 0);
  list();
}

async function read() {
  const key = byId("key").value.trim();
  const headers = key ? { "Authorization": `Bearer ${key}` } : {};
  const answer = await fetch(new URL("openapi.json", base), { headers, credentials: key ? "omit" : "same-origin", cache: "no-store" });
  if (!answer.ok) {
    byId("main").replaceChildren(el("p", { class: "banner deprecated" }, answer.status === 401 ? "Paste an API key at the top to see the endpoints it may call." : `The endpoints could not be read: ${answer.status}.`));
    return;
  }
  api = await answer.json();
  operations = Object.entries(api.paths).filter(([, each]) => each.post && each.post["x-headworks"])
    .map(([path, each]) => ({ path, post: each.post, facts: each.post["x-headworks"] }));
  showVersion();
}

addEventListener("hashchange", showVersion);
byId("filter").addEventListener("input", list);
byId("key-form").addEventListener("submit", (event) => { event.preventDefault(); read(); });
byId("key").addEventListener("change", () => { if (!api) read(); });
read();
