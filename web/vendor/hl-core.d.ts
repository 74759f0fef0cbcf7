export interface Scope {
  scope?: string;
  children: (Scope | string)[];
}
declare const highlighter: {
  registerLanguage(name: string, grammar: unknown): void;
  getLanguage(name: string): unknown;
  highlight(code: string, options: { language: string; ignoreIllegals: boolean }): {
    _emitter: { rootNode: Scope };
    /** What the end of the code stands in: nothing has no parent. */
    _top: { parent?: unknown };
  };
};
export default highlighter;
