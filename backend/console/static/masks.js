// The page of masks, drills and tests.
import { listen, refresher, toast } from "./live.js";
import { masking } from "./masking.js";
import { prepare, ring } from "./sound.js";

const refresh = refresher();
masking(refresh);
prepare();
listen({
  onItem(item) {
    if (item.is_new && item.card.is_active) {
      ring(item.card.severity);
      toast(`${item.card.headline} ${item.card.where}`, "bad");
    }
    refresh();
  },
  onChange: refresh,
});
