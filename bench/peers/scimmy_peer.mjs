// Runs SCIMMY with node:sqlite (WAL, synchronous=FULL): one row for each resource, its JSON and an indexed name.
// SCIMMY leaves storage to its user; these handlers are its best case. The packages are those of the current directory.
import crypto from "node:crypto";
import { createRequire } from "node:module";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

const require = createRequire(path.join(process.cwd(), "package.json"));
const load = (name) => { let module = require(name); while (module.default) module = module.default; return module; };
const express = load("express"), SCIMMY = load("scimmy"), Routers = load("scimmy-routers");
const [port, key, folder] = process.argv.slice(2);
const database = new DatabaseSync(`${folder}/peer.sqlite3`);
database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");

function handlers(table, attribute) {
    database.exec(`CREATE TABLE ${table} (id TEXT PRIMARY KEY, name TEXT UNIQUE, document TEXT) WITHOUT ROWID`);
    const byId = database.prepare(`SELECT document FROM ${table} WHERE id = ?`);
    const byName = database.prepare(`SELECT id, document FROM ${table} WHERE name = ?`);
    const all = database.prepare(`SELECT document FROM ${table}`);
    const remove = database.prepare(`DELETE FROM ${table} WHERE id = ?`);
    const save = database.prepare(`INSERT INTO ${table} VALUES (?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, document = excluded.document`);
    const parsed = (row) => JSON.parse(row.document);
    const missing = (id) => new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    const existing = (id) => { const row = byId.get(id); if (!row) throw missing(id); return parsed(row); };
    return {
        egress: ({ id, filter }) => {
            if (id) return existing(id);
            if (!filter) return all.all().map(parsed);
            const [name, test] = filter.length === 1 ? Object.entries(filter[0])[0] : [];
            return name?.toLowerCase() === attribute.toLowerCase() && test[0] === "eq"
                ? byName.all(test[1].toLowerCase()).map(parsed) : filter.match(all.all().map(parsed));
        },
        ingress: ({ id }, received) => {
            const document = JSON.parse(JSON.stringify(received)), now = new Date().toISOString();
            const before = id ? existing(id) : undefined, name = document[attribute].toLowerCase();
            document.id = id ?? crypto.randomUUID();
            const holder = byName.get(name);
            if (holder && holder.id !== document.id) throw new SCIMMY.Types.Error(409, "uniqueness", "taken");
            document.meta = { created: before?.meta?.created ?? now, lastModified: now };
            save.run(document.id, name, JSON.stringify(document));
            return document;
        },
        degress: ({ id }) => { if (!remove.run(id).changes) throw missing(id); },
    };
}
const user = SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
SCIMMY.Resources.declare(user, handlers("users", "userName"));
SCIMMY.Resources.declare(SCIMMY.Resources.Group, handlers("groups", "displayName"));
const check = (request) => { if (request.header("Authorization") !== `Bearer ${key}`) throw new Error("key"); return "entra"; };
express().use("/scim", new Routers({ type: "bearer", handler: check })).listen(Number(port), "127.0.0.1");
