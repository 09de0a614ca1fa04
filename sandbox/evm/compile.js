// Compiles the contracts into build/contracts.json: {name: {abi, code}}, code without "0x".
'use strict';
const fs = require('fs');
const path = require('path');

const CONTRACTS = path.join(__dirname, 'contracts');
const BUILD = path.join(__dirname, 'build');

// The token is of the compiler's age of USDT, the delegate of today's.
const WORK = [
  { compiler: 'solc4', file: 'UsdtLike.sol', settings: {} },
  { compiler: 'solc', file: 'SweepDelegate.sol', settings: { evmVersion: 'prague' } },
];

function compile({ compiler, file, settings }) {
  const solc = require(compiler);
  const wanted = {
    language: 'Solidity',
    sources: { [file]: { content: fs.readFileSync(path.join(CONTRACTS, file), 'utf8') } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
      ...settings,
    },
  };
  // Before 0.5 `compile` took another form, and standard JSON had a function of its own.
  const run = solc.compileStandardWrapper || solc.compile;
  const answer = JSON.parse(run(JSON.stringify(wanted)));
  const errors = (answer.errors || []).filter((one) => one.severity === 'error');
  if (errors.length) throw new Error(errors.map((one) => one.formattedMessage).join('\n'));
  return Object.entries(answer.contracts[file]).map(([name, made]) => [
    name,
    { abi: made.abi, code: made.evm.bytecode.object },
  ]);
}

const contracts = Object.fromEntries(WORK.flatMap(compile).filter(([, made]) => made.code));
fs.mkdirSync(BUILD, { recursive: true });
const target = path.join(BUILD, 'contracts.json');
fs.writeFileSync(`${target}.new`, `${JSON.stringify(contracts, null, 1)}\n`);
fs.renameSync(`${target}.new`, target);
console.log(`${target}: ${Object.keys(contracts).join(', ')}`);
