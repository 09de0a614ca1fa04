// What the server says: units as decimal text, ids as UUID text, moments as ISO 8601.

export type Units = string;

export interface FractionJson {
  n: string | number;
  d: string | number;
}

export interface Player {
  id: string;
  first_name: string;
  language: string;
  consented: boolean;
  /** The version in force, which is to be accepted. */
  terms_version: string;
  kyc_level: number;
  status: string;
}

export interface LoginAnswer {
  token: string;
  expires_at: string;
  player: Player;
}

export interface Balance {
  asset: string;
  cash: Units;
  bonus: Units;
  reserved: Units;
  held: Units;
  withdrawable: Units;
  /** Part of the cash: played with already, withdrawn once its chain has made it final. */
  not_final: Units;
}

export interface Me {
  player: Player;
  balances: Balance[];
  open_rounds: RoundView[];
  stopped: string[];
}

export interface StakeRange {
  min: Units;
  max: Units;
}

export interface GameCard {
  slug: string;
  kind: "instant" | "steps" | "iframe";
  rtp_bp?: number | null;
  stake: Record<string, StakeRange>;
  title?: string | null;
}

export interface Lobby {
  games: GameCard[];
  assets: { asset: string; decimals: number }[];
  stopped: string[];
}

export interface SeedUse {
  pair_id: string;
  nonce: number;
  commitment: string;
  client_seed: string;
  server_seed?: string | null;
}

export interface Receipt {
  round_id: string;
  game: string;
  asset: string;
  stake: Units;
  payout: Units;
  multiplier: FractionJson;
  outcome: Record<string, unknown>;
  seed: SeedUse;
  balance: Units;
  settled_at: string;
  replayed: boolean;
}

export type RoundStatus = "open" | "settled" | "void";

export interface RoundView {
  round_id: string;
  status: RoundStatus;
  game: string;
  asset: string;
  stake: Units;
  choice: Record<string, unknown>;
  view: Record<string, unknown>;
  multiplier: FractionJson;
  payout: Units | null;
  cash_out_units: Units | null;
  next: Record<string, unknown> | null;
  seed: SeedUse;
  balance?: Units | null;
}

export interface RoundRow {
  round_id: string;
  status: RoundStatus;
  game: string;
  asset: string;
  stake: Units;
  payout: Units | null;
  multiplier: FractionJson | null;
  choice: Record<string, unknown>;
  outcome: Record<string, unknown> | null;
  opened_at?: string;
  settled_at: string | null;
}

export interface RoundDetail extends RoundRow {
  algorithm: string;
  seed: SeedUse;
  /** Null while the round is open; names the receipt file for downloading. */
  receipt_hash: string | null;
}

export interface Rail {
  rail: string;
  asset: string;
  network: string;
  enabled: boolean;
  /** `offered`: whether it was ever opened; what is offered may be stopped. */
  deposit: { min: Units; offered: boolean; enabled: boolean };
  /** `memo`: whether transfers carry a comment. */
  withdraw: { min: Units; fee: Units; offered: boolean; enabled: boolean; memo: boolean };
}

export interface Instruction {
  rail: string;
  asset: string;
  address: string | null;
  /** Null where the address is the player's own. */
  tag: string | null;
  network: string;
  /** The token's contract, where the network has several. */
  token: string | null;
  minimum: Units;
  uri: string | null;
  confirmations_text: string | null;
}

/** A fee that is promised from `made_at` to `expires_at`, by the server's clock. */
export interface Quote {
  id: string;
  rail: string;
  units: Units;
  fee: Units;
  net: Units;
  minimum: Units;
  ceiling_left: Units | null;
  made_at: string;
  expires_at: string;
}

export interface SavedAddress {
  id: string;
  rail: string;
  destination: string;
  label: string;
  /** When it can be used by a player who is paid to saved addresses only. */
  ready_at: string;
  ready: boolean;
}

export interface SavedOnly {
  on: boolean;
  /** When it ends, once its end was asked for. */
  ends_at: string | null;
}

export interface AddressBook {
  saved: SavedAddress[];
  /** Where the player was paid to before and did not save. */
  paid: { rail: string; destination: string }[];
  saved_only: SavedOnly;
  cool_down_hours: number;
}

export interface Movement {
  id: string;
  kind: "deposit" | "withdrawal";
  status: string;
  asset: string;
  units: Units;
  at: string;
  detail: MovementDetail;
}

export interface MovementDetail {
  rail?: string | null;
  network?: string | null;
  fee?: Units | null;
  net?: Units | null;
  destination?: string | null;
  memo?: string | null;
  tx_hash?: string | null;
  url?: string | null;
  reason?: string | null;
  /** Whether the player may still take a withdrawal back. */
  cancellable?: boolean;
  /** Whether the house sends a held deposit back by this withdrawal. */
  returns?: boolean;
  /** Blocks that confirm a deposit, and how many make it playable; null: only finality does. */
  confirmations?: string | null;
  confirmations_wanted?: string | null;
  /** False while a credited deposit can be played and not withdrawn. */
  final?: boolean;
  /** About how many seconds until it is final; null when nobody knows. */
  final_in?: string | null;
}

/** What the server says when a withdrawal is made or taken back. */
export interface Withdrawal {
  id: string;
  status: string;
}

export interface LimitView {
  kind: string;
  window: string;
  units: Units | null;
  used: Units;
  pending_units: Units | null;
  pending_at: string | null;
  resets_at: string | null;
}

export interface LimitsAnswer {
  limits: LimitView[];
  cooling_off_until: string | null;
  excluded_until: string | null;
  excluded_for_life: boolean;
}

export interface Fairness {
  pair_id: string;
  commitment: string;
  next_commitment: string;
  client_seed: string;
  nonce: number;
  open_round: string | null;
}

export interface RevealedPair {
  pair_id: string;
  server_seed: string;
  commitment: string;
  client_seed: string;
  rounds: number;
  revealed_at?: string;
}

export interface LoginRow {
  id: string;
  agent: string;
  created_at: string;
  last_seen_at: string;
  current: boolean;
}

export interface SupportMessage {
  id: string;
  from: "player" | "staff";
  text: string;
  at: string;
}
