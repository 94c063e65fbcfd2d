// Administration: who asks, organisations, keys, and who changed what.

import { csrf } from "./csrf.js";
import { byId, el } from "./dom.js";
import { answered, newKey } from "./review_api.js";
import { busy, choice, detail, field, form, state, table, tell, time } from "./tables_api.js";

const ROLES = ["viewer", "reviewer", "engineer", "admin"];
const chosen = () => new URLSearchParams(location.search).get("organisation");
const within = (query = {}) => {
  const parameters = new URLSearchParams(query);
  if (chosen()) parameters.set("organisation", chosen());
  return parameters.size ? `?${parameters}` : "";
};

const get = async (path) => answered(await fetch(path, { headers: { accept: "application/json" } }));

async function post(path, body) {
  const headers = { accept: "application/json", "content-type": "application/json", "idempotency-key": newKey(), ...csrf() };
  const named = chosen() ? { ...body, organisation: chosen() } : body;
  return answered(await fetch(path, { method: "POST", headers, body: JSON.stringify(named) }));
}

/** A key is shown once: the person copies it now, or makes another. */
function show(made) {
  const key = el("input", { readonly: true, value: made.key, id: "made-key", spellcheck: "false" });
  const copy = el("button", { class: "button small", type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    key.select();
    await navigator.clipboard?.writeText(made.key).catch(() => {});
    copy.textContent = "Copied";
  });
  detail(el("h2", {}, `The key of ${made.name}`), el("p", {}, "Keep it now: it is not shown again."), el("label", {}, "Key", key), copy);
  key.focus();
}

function keys(found) {
  const rows = found.map((key) => {
    const revoke = el("button", { class: "button small", type: "button", "aria-label": `Revoke ${key.name}` }, "Revoke");
    revoke.addEventListener("click", () => {
      if (!revoke.dataset.sure) {
        revoke.dataset.sure = "yes";
        revoke.textContent = "Sure?";
        setTimeout(() => { delete revoke.dataset.sure; revoke.textContent = "Revoke"; }, 5000);
        return undefined;
      }
      return busy(revoke, async () => {
        await post(`/api/admin/keys/${key.id}/revoke`, {});
        await refresh();
        tell(`${key.name} is revoked: every server refuses it within two seconds.`);
      });
    });
    return [key.name, key.role, state(key.state), key.used_at ? time(key.used_at) : "never", key.expires_at ? time(key.expires_at) : "–", key.state === "live" ? revoke : null];
  });
  return table([["Key"], ["Role"], ["State"], ["Last used", "detail"], ["Expires", "detail"], ["Take it back"]], rows);
}

const making = () => form("Make a key", [
  field("Name", "name", { required: true, maxlength: "64", pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", placeholder: "ann" }),
  choice("Role", "role", ROLES, "reviewer"),
  field("Days it holds", "days", { type: "number", min: "1", max: "3653", placeholder: "until revoked" }),
], "Make a key", async (values, node) => {
  const body = { name: values.name, role: values.role };
  if (values.days) body.expires_in_hours = Number(values.days) * 24;
  const made = await post("/api/admin/keys", body);
  await refresh();
  show(made);
  tell("");
  node.reset();
});

const organisations = (found, home) => [
  table([["Organisation"], ["Since", "detail"]], found.map((one) => [el("a", { href: `/admin?organisation=${one.name}` }, one.name), time(one.created_at)])),
  home ? form("Make an organisation", [field("Name", "name", { required: true, maxlength: "64", pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*" })], "Make an organisation", async (values) => {
    const headers = { accept: "application/json", "content-type": "application/json", ...csrf() };
    const made = await answered(await fetch("/api/admin/organisations", { method: "POST", headers, body: JSON.stringify(values) }));
    await refresh();
    tell(`${made.name} has keys, tables and models of its own.`);
  }) : null,
];

/** The newest rows, and a button for those before. */
function log(first) {
  const place = el("div", {});
  const rows = [];
  const draw = ({ rows: more, next }) => {
    rows.push(...more);
    const older = el("button", { class: "button small", type: "button" }, "Older");
    older.addEventListener("click", () => busy(older, async () => draw(await get(`/api/admin/audit${within({ before: next })}`))));
    place.replaceChildren(
      table([["When"], ["Who"], ["What"], ["Of what"], ["Request", "detail"]], rows.map((row) => [time(row.at), `${row.actor} (${row.role})`, row.action, row.subject, row.request])),
      next ? older : "");
  };
  draw(first);
  return place;
}

async function refresh() {
  const [who, { organisations: all }, { keys: found }, audit] = await Promise.all([
    get("/api/account"), get("/api/admin/organisations"), get(`/api/admin/keys${within()}`), get(`/api/admin/audit${within()}`),
  ]);
  const own = all.find((one) => one.id === who.organisation)?.name;
  byId("list").replaceChildren(...[
    el("p", {}, who.name ? `You are ${who.name}, ${who.role} of ${own}. ` : "You sit at this machine, which needs no key. ", who.keys ? el("a", { href: "/signin" }, who.name ? "Sign out" : "Sign in") : null),
    el("h2", {}, `Keys of ${chosen() ?? own}`), keys(found), making(),
    el("h2", {}, "Organisations"), ...organisations(all, who.home),
    el("h2", {}, `Who changed what in ${chosen() ?? own}`), log(audit),
  ].filter(Boolean));
}

busy(null, refresh);
