/** Prints the reference of npm packages as Markdown: each exported name with its comment and its declaration. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ts = createRequire(join(process.cwd(), 'package.json'))('typescript');
const packages = process.argv.slice(2).map((each) => each.split('='));
const program = ts.createProgram(packages.map(([, file]) => file), {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  jsx: ts.JsxEmit.ReactJSX,
  target: ts.ScriptTarget.ES2022,
});
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });

/** The declaration without bodies and values, as a user of the package sees it. */
function shown(declaration) {
  const source = declaration.getSourceFile();
  const print = (node) => printer.printNode(ts.EmitHint.Unspecified, node, source);
  if (ts.isFunctionDeclaration(declaration)) {
    const { modifiers, name, typeParameters, parameters, type } = declaration;
    return print(ts.factory.createFunctionDeclaration(
      modifiers?.filter((each) => each.kind !== ts.SyntaxKind.AsyncKeyword), undefined, name, typeParameters, parameters, type));
  }
  if (ts.isVariableDeclaration(declaration)) {
    return `const ${declaration.name.getText()}: ${checker.typeToString(checker.getTypeAtLocation(declaration))}`;
  }
  if (ts.isClassDeclaration(declaration)) {
    const members = declaration.members.filter((each) => !(ts.getCombinedModifierFlags(each) & ts.ModifierFlags.Private));
    return `class ${declaration.name.text} {\n${members.map((each) => `  ${each.getText().split(' {')[0]}`).join('\n')}\n}`;
  }
  return declaration.getText();
}

const lines = ['# npm', '', 'The packages for frontends: [Build a frontend](frontend.md) shows how to use them.', ''];
for (const [name, file] of packages) {
  lines.push(`## ${name}`, '');
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  const exported = checker.getExportsOfModule(module).map((symbol) => [symbol.name,
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol]);
  for (const [name, symbol] of exported.sort(([one], [other]) => one.localeCompare(other))) {
    const comment = ts.displayPartsToString(symbol.getDocumentationComment(checker));
    const throws = symbol.getJsDocTags(checker).filter((tag) => tag.name === 'throws')
      .map((tag) => `Throws ${ts.displayPartsToString(tag.text)}`);
    lines.push(`### ${name}`, '', comment, '', ...throws, '', '```ts', symbol.declarations.map(shown).join('\n'), '```', '');
  }
}
console.log(lines.join('\n'));
