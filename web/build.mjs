// Builds ../src/longlag/live/static/play.js and play.css. The first line of play.js names the
// sources, so that a test without Node can tell a stale bundle.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "src", "longlag", "live", "static");

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((each) =>
    each.isDirectory() ? files(join(folder, each.name)) : [join(folder, each.name)]);
}

const sources = [...files(join(here, "src")), join(here, "package-lock.json")]
  .map((path) => relative(here, path).split(sep).join("/"))
  .sort((a, b) => (a < b ? -1 : 1));
const hash = createHash("sha256");
for (const path of sources) {
  hash.update(path + "\0");
  hash.update(readFileSync(join(here, path)));
  hash.update("\0");
}

const options = {
  bundle: true,
  minify: true,
  legalComments: "none",
  absWorkingDir: here,
  logLevel: "warning",
};
const script = await build({
  ...options,
  entryPoints: ["src/play.tsx"],
  format: "esm",
  target: "es2022",
  charset: "utf8",
  write: false,
});
const code = script.outputFiles[0].text;
writeFileSync(join(out, "play.js"), `// Sources ${hash.digest("hex")}; built by web/build.mjs.\n${code}`);
await build({ ...options, entryPoints: ["src/play.css"], outfile: join(out, "play.css") });
console.log(`play.js ${(code.length / 1000).toFixed(1)} kB`);
