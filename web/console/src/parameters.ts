/**
 * What the start form asks for, from the JSON Schema of an agent's parameters.
 *
 * Properties of plain types become fields. Anything else is entered as JSON. The form checks nothing: the server does,
 * and its answer names what is wrong.
 */
import { type Parameters } from '@runcast/client';
import { isObject, numberOf } from './json.ts';
import { words } from './words.ts';

/** One field of the form. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly required: boolean;
  readonly kind: 'text' | 'number' | 'boolean' | 'choice' | 'json';
  /** Of `choice`: the values. */
  readonly choices: readonly unknown[];
  /** Of `number`. */
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly step: number | 'any';
  /** The default, as it is entered. */
  readonly initial: string;
}

/** What was entered for each parameter, by its name. */
export type Entered = Readonly<Record<string, string>>;

/** A parameter cannot be read. The message names it. */
export class InvalidParameter extends Error {}

/** Returns the fields of a schema; null if its parameters can only be entered as one JSON object. */
export function fieldsOf(schema: Parameters | null): Field[] | null {
  if (!isObject(schema?.properties)) return null;
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties).map(([name, property]) => fieldOf(name, isObject(property) ? property : {}, required.includes(name)));
}

/** The kind of field for each plain type. */
const KINDS = new Map<unknown, Field['kind']>([
  ['string', 'text'],
  ['number', 'number'],
  ['integer', 'number'],
  ['boolean', 'boolean'],
]);

function fieldOf(name: string, property: Parameters, required: boolean): Field {
  const { type, title, description, default: initial } = property;
  const choices = Array.isArray(property.enum) ? property.enum : [];
  const kind = choices.length ? 'choice' : (KINDS.get(type) ?? 'json');
  return {
    name,
    label: typeof title === 'string' ? title : words(name),
    description: typeof description === 'string' ? description : '',
    required,
    kind,
    choices,
    minimum: numberOf(property.minimum),
    maximum: numberOf(property.maximum),
    step: type === 'integer' ? 1 : 'any',
    initial: initial === undefined ? '' : typeof initial === 'string' && kind === 'text' ? initial : JSON.stringify(initial),
  };
}

/** Returns the text of a field: what was entered, or else the default. */
export const textOf = ({ name, initial }: Field, entered: Entered): string => entered[name] ?? initial;

/**
 * Returns the parameters of a form. Empty fields are left out.
 *
 * @throws InvalidParameter - A field does not have the JSON that it needs.
 */
export function parametersOf(fields: readonly Field[] | null, entered: Entered): Parameters {
  if (fields === null) {
    const text = (entered[ALL] ?? '').trim();
    const value = text ? valueOf('The parameters', text) : {};
    if (!isObject(value)) throw new InvalidParameter('The parameters must be a JSON object, such as {"turbines": 20}.');
    return value;
  }
  const filled = fields.map((field) => [field, textOf(field, entered)] as const).filter(([, text]) => text.trim());
  return Object.fromEntries(filled.map(([{ name, kind, label }, text]) => [name, kind === 'text' ? text : valueOf(label, text)]));
}

/** The name of the field that has all parameters as JSON. */
export const ALL = '';

function valueOf(label: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidParameter(`${label}: this is not JSON (${(error as Error).message}).`);
  }
}
