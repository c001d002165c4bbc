/** The less frequent actions of the grid. */
import * as Ariakit from "@ariakit/react"
import { Ellipsis, Film, ListChecks, Play, Split, Upload } from "lucide-react"
import { Link } from "wouter"
import { disagreementTexts } from "../disagreement/en"
import { imageTexts } from "../images/en"
import type { ImageFilter } from "../images/queries"
import { paths, withSearch } from "../paths"
import { canManage, useProject } from "../projects/projectContext"
import { gridTexts, sequenceTexts } from "./en"

interface MoreActionsProps {
  filter: ImageFilter
  /** Actions; one is missing if the user does not have the permission. */
  onRun?: () => void
  onUpload?: () => void
}

export function MoreActions({ filter, onRun, onUpload }: MoreActionsProps) {
  const project = useProject()
  return (
    <Ariakit.MenuProvider placement="bottom-end">
      <Ariakit.MenuButton
        className="icon-button"
        aria-label={gridTexts.more}
        title={gridTexts.more}
      >
        <Ellipsis size={18} aria-hidden />
      </Ariakit.MenuButton>
      <Ariakit.Menu className="menu" gutter={6} portal>
        {onUpload && (
          <Ariakit.MenuItem className="menu-item only-phone" onClick={onUpload}>
            <Upload size={16} aria-hidden />
            {imageTexts.upload}
          </Ariakit.MenuItem>
        )}
        {onRun && (
          <Ariakit.MenuItem className="menu-item" onClick={onRun}>
            <Play size={16} aria-hidden />
            {imageTexts.run}
          </Ariakit.MenuItem>
        )}
        {canManage(project) && !filter.deleted && (
          <Ariakit.MenuItem
            className="menu-item"
            render={
              <Link href={withSearch(paths.newReviewSet(project.id), { ...filter, order: null })} />
            }
          >
            <ListChecks size={16} aria-hidden />
            {gridTexts.newReviewSet}
          </Ariakit.MenuItem>
        )}
        <Ariakit.MenuItem
          className="menu-item"
          render={<Link href={paths.sequences(project.id)} />}
        >
          <Film size={16} aria-hidden />
          {sequenceTexts.title}
        </Ariakit.MenuItem>
        <Ariakit.MenuItem
          className="menu-item"
          render={<Link href={paths.disagreement(project.id)} />}
        >
          <Split size={16} aria-hidden />
          {disagreementTexts.title}
        </Ariakit.MenuItem>
      </Ariakit.Menu>
    </Ariakit.MenuProvider>
  )
}
