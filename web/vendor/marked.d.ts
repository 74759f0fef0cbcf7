export interface Token {
  type: string;
  raw: string;
  text?: string;
  tokens?: Token[];
  [name: string]: any;
}

export interface Extension {
  name: string;
  level: 'block' | 'inline';
  start?(source: string): number | undefined;
  tokenizer(source: string): Token | undefined;
}

export class Marked {
  constructor(options?: { extensions?: Extension[]; gfm?: boolean; breaks?: boolean });
  lexer(source: string): Token[];
}
