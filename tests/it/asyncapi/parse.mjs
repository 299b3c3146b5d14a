// Prints the addresses of a document's channels, or what is wrong with it. A newer version of AsyncAPI is no mistake.
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser';
import { Parser, fromFile } from '@asyncapi/parser';

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
const { document, diagnostics } = await fromFile(parser, process.argv[2]).parse();
const wrong = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version');
for (const { path, message } of wrong) console.log(`${path.join('.')}: ${message}`);
for (const channel of document?.channels() ?? []) console.log(channel.address());
