# What the built programs say of themselves: api/models.json, api/answers.json, api/routes.json and api/openapi.json, the man page, shell completion.
set(MERX_DESCRIPTIONS ${CMAKE_BINARY_DIR}/api)
file(MAKE_DIRECTORY ${MERX_DESCRIPTIONS})
add_custom_command(
  OUTPUT ${MERX_DESCRIPTIONS}/models.json ${MERX_DESCRIPTIONS}/answers.json ${MERX_DESCRIPTIONS}/routes.json ${MERX_DESCRIPTIONS}/openapi.json
         ${MERX_DESCRIPTIONS}/merx.1 ${MERX_DESCRIPTIONS}/merx.bash
         ${MERX_DESCRIPTIONS}/_merx ${MERX_DESCRIPTIONS}/merx.fish
  COMMAND program_merx_describe ${MERX_DESCRIPTIONS}
  COMMAND program_merx completion man > ${MERX_DESCRIPTIONS}/merx.1
  COMMAND program_merx completion bash > ${MERX_DESCRIPTIONS}/merx.bash
  COMMAND program_merx completion zsh > ${MERX_DESCRIPTIONS}/_merx
  COMMAND program_merx completion fish > ${MERX_DESCRIPTIONS}/merx.fish
  DEPENDS program_merx program_merx_describe
  COMMENT "Writing descriptions, man page and completion"
  VERBATIM)
add_custom_target(descriptions ALL DEPENDS ${MERX_DESCRIPTIONS}/models.json)
install(FILES ${MERX_DESCRIPTIONS}/models.json ${MERX_DESCRIPTIONS}/answers.json ${MERX_DESCRIPTIONS}/routes.json ${MERX_DESCRIPTIONS}/openapi.json
  DESTINATION ${CMAKE_INSTALL_DATADIR}/merx/api)
install(FILES ${MERX_DESCRIPTIONS}/merx.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${MERX_DESCRIPTIONS}/merx.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME merx)
install(FILES ${MERX_DESCRIPTIONS}/_merx DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${MERX_DESCRIPTIONS}/merx.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
