declare const temml: {
  render(expression: string, element: HTMLElement, options?: { displayMode?: boolean; throwOnError?: boolean; maxExpand?: number; maxSize?: [number, number] }): void;
};
export default temml;
