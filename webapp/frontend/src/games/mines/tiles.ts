// What a round of mines shows: the opened tiles, and the mines once it is over.
import type { RoundView } from "@/api/types";

export function tilesOf(round: RoundView | null): { opened: number[]; mines: number[] } {
  const list = (name: string): number[] => (round?.view[name] as number[] | undefined) ?? [];
  return { opened: list("opened"), mines: list("mines") };
}
