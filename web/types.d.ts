// What the service sends, as far as the page reads it. `/openapi.json` is the whole truth.

export interface Account {
  id: number;
  email: string;
  display_name: string | null;
  created_at: string;
  role: 'user' | 'admin';
}

export interface Conversation {
  id: number;
  title: string | null;
  summary: string | null;
  created_at: string;
  pinned_at?: string | null;
}

export type Status = 'complete' | 'running' | 'stopped' | 'interrupted' | 'failed';

export interface Failure {
  code: string;
  detail: string;
}

export interface Attachment {
  id: number;
  message_id: number;
  filename: string;
  content_type: string | null;
}

export interface Message {
  id: number;
  conversation_id: number;
  request_id: number | null;
  role: 'user' | 'assistant';
  text: string;
  created_at: string;
  input_tokens: number | null;
  output_tokens: number | null;
  cached_tokens: number | null;
  model: string | null;
  attachments: Attachment[];
  parent_id: number | null;
  status: Status;
  error: Failure | null;
  price_exact: string | null;
  siblings: number[];
  first_token_ms: number | null;
  duration_ms: number | null;
  /** What an answer did beside speaking, where it was asked for. */
  steps: Step[] | null;
}

/** One thing that an answer did beside speaking, in short; its texts are among the answer's events. */
export interface Step {
  kind: 'reasoning' | 'tool';
  id: string | null;
  name: string | null;
  state: ToolState | null;
  duration_ms: number | null;
}

export type ToolState = 'running' | 'done' | 'failed';

export interface Usage {
  id: number;
  scope: string;
  model: string;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  cache_write_tokens: number;
  reasoning_tokens: number;
  usage_source: string;
  price_exact: string | null;
  created_at: string;
}

export interface Sum {
  calls: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  price_exact: string;
  /** Calls whose model had no price; the sum does not know what they cost. */
  unpriced_calls: number;
}

export interface UsageReport {
  total: Sum;
  groups: (Sum & { key: { day?: string; month?: string; model?: string; scope?: string; user?: number } })[];
}

export interface Budget {
  limit: string | null;
  period: 'day' | 'month' | 'total';
  spent: string;
  reserved: string;
  remaining: string | null;
  resets_at: string | null;
}

export interface SearchHit {
  conversation_id: number;
  title: string | null;
  message_id: number | null;
  role: 'user' | 'assistant' | null;
  snippet: string;
  created_at: string;
}

/** A book of the collection. */
export interface Book {
  id: string;
  title: string;
  author: string | null;
  year: string | null;
  language: string | null;
  genres: string[];
  themes: string[];
  short_summary: string;
}

export interface WholeBook extends Book {
  full_summary: string;
}

/** A model that can answer, with what one wants to know before choosing it. Prices are for a million tokens. */
export interface ModelDetails {
  name: string;
  provider: string | null;
  context_window: number;
  max_output_tokens: number | null;
  price: { input: string; cached_input: string; cache_write: string; output: string } | null;
  abilities: { images: boolean; tools: boolean; reasoning: boolean; structured: boolean };
  deprecated: string | null;
  aliases: string[];
  is_default: boolean;
  built_in: boolean;
}

export interface Estimate {
  model: string;
  context: { used_tokens: number; window: number; limit_tokens: number; will_be_summarised: boolean; fits: boolean };
  worst_case: string | null;
  fits_budget: boolean;
  remaining: string | null;
}

export interface Session {
  id: number;
  created_at: string;
  last_used_at: string | null;
  expires_at: string;
  user_agent: string | null;
  current: boolean;
}

/** A provider as its last calls showed it. */
export interface ProviderHealth {
  name: string;
  kind: string;
  host: string;
  state: 'unknown' | 'reachable' | 'failing' | 'resting';
  state_since?: string | null;
  resting_until?: string | null;
  in_flight?: number;
  failures?: number;
  answered_at: string | null;
  last_error: { code: string; detail: string; at: string } | null;
  models: number;
}

export interface Key {
  id: number;
  name: string;
  prefix: string;
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
}

export interface AdminUser extends Account {
  disabled: boolean;
}

export interface AdminModel {
  name: string;
  input: string | null;
  cached_input: string | null;
  cache_write: string | null;
  output: string | null;
  price_version: number | null;
  context_window: number;
  max_output_tokens: number | null;
  enabled: boolean;
  available: boolean;
}

/** Reasoning that an answer shows. */
export interface Reasoning {
  kind: 'reasoning';
  text: string;
  /** Moments as they are seen here. */
  startedAt: number;
  endedAt?: number;
}

/** One tool call of an answer. */
export interface ToolCall {
  kind: 'tool';
  id: string;
  name: string;
  arguments: unknown;
  state: ToolState;
  result?: string;
  startedAt: number;
  endedAt?: number;
}
