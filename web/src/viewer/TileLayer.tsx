/** The tiles of a large image, in pixels of the image, and a message about their state. */
import { viewerTexts } from "./en"
import type { ShownTiles } from "./useTiles"

interface TileLayerProps {
  shown: ShownTiles
}

export function TileLayer({ shown }: TileLayerProps) {
  if (shown.tiles.length === 0) return null
  return (
    <div className="tile-layer">
      {shown.tiles.map((tile) => (
        <img
          key={`${tile.name} ${shown.attempt}`}
          src={shown.getUrl(tile)}
          alt=""
          draggable={false}
          data-testid="tile"
          data-tile={tile.name}
          style={{ left: tile.x, top: tile.y, width: tile.width, height: tile.height }}
          onLoad={() => shown.onLoad(tile)}
          onError={() => shown.onError(tile)}
        />
      ))}
    </div>
  )
}

export function TileState({ shown }: TileLayerProps) {
  if (shown.hasFailed)
    return (
      <div className="tile-state" role="status">
        {viewerTexts.tilesFailed}{" "}
        <button type="button" className="button" onClick={shown.retry}>
          {viewerTexts.tilesRetry}
        </button>
      </div>
    )
  return shown.isLoading ? (
    <p className="tile-state coming" role="status">
      {viewerTexts.tilesComing}
    </p>
  ) : null
}
