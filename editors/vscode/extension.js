"use strict";
// Starts `synthspec lsp` for YAML files; the server leaves those alone that are no specs.

const path = require("node:path");
const { commands, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

const HELP = "Install it (pip install \"synthspec[lsp]\"), or say where it is in the setting synthspec.command.";
let client;

/** The program and its arguments, a relative path taken from the folder that is open. */
function command() {
  const [program, ...args] = workspace.getConfiguration("synthspec").get("command", ["synthspec", "lsp"]);
  const folder = workspace.workspaceFolders?.[0]?.uri.fsPath;
  const relative = folder !== undefined && /[\\/]/.test(program) && !path.isAbsolute(program);
  return { command: relative ? path.join(folder, program) : program, args, options: { cwd: folder } };
}

async function start() {
  const server = command();
  const selector = ["file", "untitled"].map((scheme) => ({ language: "yaml", scheme }));
  const fileEvents = workspace.createFileSystemWatcher("**/*.{yaml,yml,csv,tsv,json,jsonl,parquet,xlsx,md,txt}");
  client = new LanguageClient("synthspec", "synthspec", server, {
    documentSelector: selector,
    synchronize: { fileEvents },
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    window.showErrorMessage(`synthspec: the language server did not start: ${error.message}. ${HELP}`);
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function activate(context) {
  const restart = async () => {
    await stop();
    await start();
  };
  context.subscriptions.push(commands.registerCommand("synthspec.restart", restart));
  context.subscriptions.push(
    workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("synthspec") && restart()),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
